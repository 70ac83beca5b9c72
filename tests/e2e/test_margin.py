"""Calls with very much left to write when their deadline is near.

How long before it the server ends its work goes by what a caller usually takes to
read results (service/batch/margin.h), so these are run by themselves.
"""

import threading
import time

from vertexd.v1 import vertexd_pb2

from calls import Batch

Message = vertexd_pb2.PipeGenerateRequest


def test_batch_of_10000__all_results_and_the_summary_are_there(
        emulator, start):
    """Few are done in time: thousands of errors are to be written."""
    _, stub = start()
    emulator.defaults(latency_ms=200)
    begin = time.monotonic()
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[f"number {i}" for i in range(10_000)], max_concurrency=50),
        timeout=10))
    assert time.monotonic() - begin < 10
    assert batch.summary.total == 10_000 and batch.summary.succeeded > 500
    assert set(batch.codes) == {"OK", "DEADLINE_EXCEEDED"}
    assert all("OK" != c for c in
               batch.codes[batch.codes.index("DEADLINE_EXCEEDED") + 50:])


def test_endless_pipe__all_results_and_the_summary_are_there(emulator, stub):
    emulator.defaults(latency_ms=100)
    done = threading.Event()

    def endless():
        yield Message(start=vertexd_pb2.PipeStart(
            max_concurrency=200, max_read_ahead=1000))
        while not done.is_set():
            yield Message(item=vertexd_pb2.GenerateRequest(prompt="p"))
    begin = time.monotonic()
    batch = Batch(stub.PipeGenerate(endless(), timeout=10))
    done.set()
    assert time.monotonic() - begin < 10
    assert set(batch.codes) == {"OK", "DEADLINE_EXCEEDED"}
    assert batch.summary.succeeded > 1000
