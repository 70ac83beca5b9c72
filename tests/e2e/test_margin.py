"""The margin grows with what is still to be written when the deadline is near
(service/batch/margin.h).

How much of it a caller needs is measured by tests/bench/margin.py; here is only
what no slow machine changes: it sends less upstream, not more.
"""

import threading

import grpc
from google.protobuf.duration_pb2 import Duration

from vertexd.v1 import vertexd_pb2

from calls import Batch
from harness import eventually

Message = vertexd_pb2.PipeGenerateRequest

SECONDS = 10
LATENCY = 0.2
AT_ONCE = 50
COUNT = 10_000
FIXED_MARGIN = 0.5     # VTX_MARGIN_MAX
WRITE_RESULT = 250e-6  # VTX_WRITE_RESULT


def most_prompts(seconds):
    return seconds / LATENCY * AT_ONCE


def test_batch_of_10000__work_ends_earlier_by_the_results_to_come(
        emulator, start):
    _, stub = start()
    emulator.defaults(latency_ms=int(LATENCY * 1000))
    try:
        batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=[f"number {i}" for i in range(COUNT)],
            max_concurrency=AT_ONCE), timeout=SECONDS))
        assert batch.summary.total == COUNT
        assert set(batch.codes) == {"OK", "DEADLINE_EXCEEDED"}
    except grpc.RpcError as error:  # a reader slower than a margin can know
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
    end = SECONDS - FIXED_MARGIN
    left = COUNT - most_prompts(end)
    assert 0 < emulator.stats()["requests"] \
        < most_prompts(end - left * WRITE_RESULT / 2)


def test_endless_pipe__all_results_and_the_summary_are_there(emulator, stub):
    emulator.defaults(latency_ms=100)
    done = threading.Event()
    options = vertexd_pb2.BatchOptions(deadline_margin=Duration(seconds=60))

    def endless():
        yield Message(start=vertexd_pb2.PipeStart(
            max_concurrency=200, max_read_ahead=1000, options=options))
        while not done.is_set():
            yield Message(item=vertexd_pb2.GenerateRequest(prompt="p"))
    batch = Batch(stub.PipeGenerate(endless(), timeout=65))
    done.set()
    assert set(batch.codes) == {"OK", "DEADLINE_EXCEEDED"}
    assert batch.summary.total == len(batch.results)
