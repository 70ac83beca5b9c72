"""A reader that stops in the middle of a batch and goes on later.

VERTEXD_STOP_SECONDS says for how long it stops (3 in the test run; 30 shows the
rule at its full length).
"""

import os
import pathlib
import time

import grpc
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc

from harness import control

STOP = float(os.environ.get("VERTEXD_STOP_SECONDS", "3"))
PROMPTS = 4000
MEBIBYTE = 1 << 20


def resident(server):
    """Resident bytes of the server now."""
    pages = pathlib.Path(f"/proc/{server.child.pid}/statm").read_text().split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE")


def test_reader_that_stops__memory_bounded_others_served_goes_on(start):
    # Where it is built with ASan, freed memory shall not be kept.
    server, stub = start(env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    before = resident(server)
    # A channel of its own: the stopped stream is to fill its own windows.
    with grpc.insecure_channel(server.target) as channel:
        # About 12 kB an answer, 48 MB in all: more than any buffer on the way.
        slow = vertexd_pb2_grpc.GenerationServiceStub(channel).BatchGenerate(
            vertexd_pb2.BatchGenerateRequest(
                prompts=[control(words=2000) + f" {i}" for i in range(PROMPTS)],
                max_concurrency=64))
        seen = [next(slow).result.index for _ in range(10)]
        peak = 0
        calls = 0
        end = time.monotonic() + STOP
        while time.monotonic() < end:
            answer = stub.Generate(
                vertexd_pb2.GenerateRequest(prompt=f"call {calls}"), timeout=10)
            assert f"call {calls}" in answer.text
            calls += 1
            peak = max(peak, resident(server))
            time.sleep(0.05)
        events = list(slow)
    seen += [e.result.index for e in events if e.WhichOneof("event") == "result"]
    assert seen == list(range(PROMPTS))
    assert events[-1].summary.succeeded == PROMPTS
    assert calls > STOP * 5
    assert peak - before < 48 * MEBIBYTE, f"{(peak - before) / MEBIBYTE:.0f} MiB"
    print(f"{calls} calls in {STOP:.0f} s, peak {peak / MEBIBYTE:.0f} MiB over "
          f"{before / MEBIBYTE:.0f} MiB")
