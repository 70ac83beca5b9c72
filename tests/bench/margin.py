#!/usr/bin/env python3
"""Measures whether all results of a batch reach a caller in Python in time.

    build/venv/bin/python tests/bench/margin.py [--bin build/release/bin]
                                                [--runs N] [--smoke]

A batch of 10,000 prompts has a deadline by which a quarter of them can be
answered; for the others there are errors to be written, as many as come in the
last moments. vertexd keeps a margin before the deadline that grows with them
(service/batch/margin.h); the reference is the same call with a fixed margin of
500 ms. A call is whole if every result and the summary came before the deadline;
"results" counts what had come by then. "reads/s" is what the caller reads where
nothing keeps it waiting, which the margin goes by (VTX_WRITE_RESULT).
"""
import argparse
import pathlib
import sys
import time

import grpc

import run

sys.path.insert(0, str(run.ROOT / "tests" / "e2e"))
import harness  # noqa: E402

harness.make_stubs()
from google.protobuf.duration_pb2 import Duration  # noqa: E402
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc  # noqa: E402

FIXED = Duration(nanos=500_000_000)
AT_ONCE = 50
LATENCY = 0.2


def batch_of(stub, count, seconds, margin):
    """(results that came, whether the call is whole, seconds it took)."""
    begin = time.monotonic()
    results, whole = 0, False
    request = vertexd_pb2.BatchGenerateRequest(
        prompts=[f"number {i}" for i in range(count)], max_concurrency=AT_ONCE,
        options=vertexd_pb2.BatchOptions(deadline_margin=margin))
    try:
        for message in stub.BatchGenerate(request, timeout=seconds):
            kind = message.WhichOneof("event")
            results += kind == "result"
            whole = whole or kind == "summary"
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
    return results, whole, time.monotonic() - begin


def reads(stub, count):
    """Results a second, of those that are written at once when the call's time
    is over; its own timer is far away."""
    options = vertexd_pb2.BatchOptions(deadline_margin=Duration(seconds=599))
    call = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p"] * count, max_concurrency=AT_ONCE, options=options),
        timeout=600)
    begin, found = None, 0
    for message in call:
        if message.WhichOneof("event") != "result":
            continue
        if begin is None and message.result.WhichOneof("outcome") == "error":
            begin = time.monotonic()
        found += begin is not None
    return found / (time.monotonic() - begin) if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path,
                        default=run.ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    count, seconds = (200, 2) if args.smoke else (10_000, 10)
    runs = 1 if args.smoke else args.runs
    latency = f"{int(LATENCY * 1000)}ms"
    with run.emulator_for(args, "--latency", latency) as emulator, \
            run.vertexd_for(args, emulator.address, "--default-model",
                            "m") as server, \
            grpc.insecure_channel(server.address) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        print("| run | reads/s | results | whole | s | fixed margin: results "
              "| whole | s |\n|---|---|---|---|---|---|---|---|")
        for number in range(runs):
            speed = reads(stub, count)
            grown = batch_of(stub, count, seconds, None)
            fixed = batch_of(stub, count, seconds, FIXED)
            print(f"| {number + 1} | {speed:.0f} | "
                  f"{grown[0]} | {grown[1]} | {grown[2]:.2f} | "
                  f"{fixed[0]} | {fixed[1]} | {fixed[2]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
