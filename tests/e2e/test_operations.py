"""What docs/operations.md promises to the people who run vertexd."""

import json
import signal
import sys
import time

import grpc
import pytest
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc

from calls import Batch
from harness import (MODEL, ONE_ATTEMPT, Process, Vertexd, binary, control,
                     eventually)

Request = vertexd_pb2.GenerateRequest


def events(server, name):
    """The log lines of that event."""
    return [entry for entry in map(json.loads, server.lines)
            if entry["event"] == name]


def test_log__every_line__has_time_severity_and_event(start):
    server, _ = start()
    assert server.stop() == 0
    assert server.lines
    for entry in map(json.loads, server.lines):
        assert entry["time"].endswith("Z") and entry["time"][10] == "T"
        assert entry["severity"] in ("INFO", "WARNING", "ERROR")
        assert entry["event"]


def test_log__start__says_what_is_in_force(start):
    server, _ = start("--location", "eu", "--memory-budget", "1GiB")
    entry = events(server, "start")[0]
    assert entry["address"] == server.target
    assert entry["project"] == "e2e" and entry["location"] == "eu"
    assert entry["credential"] == "api_key" and entry["emulated"] == 0
    assert entry["memory_budget"] == 1 << 30
    assert entry["descriptor_limit"] >= 1024


def test_log__stop__nothing_is_left(emulator, start):
    server, stub = start()
    stub.Generate(Request(prompt="p"))
    assert server.stop() == 0
    entry = events(server, "stop")[0]
    for left in ("calls", "flows", "jobs", "transfers", "bytes"):
        assert entry[left] == 0, left
    assert entry["calls_total"] == 1 and entry["transfers_total"] == 1
    assert entry["bytes_sent"] > 0 and entry["bytes_received"] > 0


def test_log__call_failed__has_the_callers_request_id(emulator, start):
    server, stub = start()
    with pytest.raises(grpc.RpcError):
        stub.Generate(Request(), metadata=[("x-request-id", "mine-1")])
    assert server.wait_for(lambda: events(server, "call_failed"), 5)
    entry = events(server, "call_failed")[0]
    assert entry["request_id"] == "mine-1"
    assert entry["method"] == "/vertexd.v1.GenerationService/Generate"
    assert entry["peer"].startswith("127.0.0.1:")
    assert entry["code"] == "INVALID_ARGUMENT" and entry["reason"]
    assert entry["duration_ms"] >= 0 and entry["severity"] == "WARNING"


def test_signal__second_sigterm__cancels_at_once(emulator, start):
    server, stub = start("--drain-timeout", "10m")
    call = stub.Generate.future(Request(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    begin = time.monotonic()
    server.child.send_signal(signal.SIGTERM)
    assert server.wait_for(lambda: events(server, "draining"), 5)
    assert not call.done()
    assert server.stop() == 0
    assert time.monotonic() - begin < 10
    with pytest.raises(grpc.RpcError):
        call.result()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_signal__sigusr1_while_draining__still_answers(emulator, start):
    server, stub = start("--drain-timeout", "10m")
    call = stub.Generate.future(Request(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    server.child.send_signal(signal.SIGTERM)
    assert server.wait_for(lambda: events(server, "draining"), 5)
    assert server.counters()["calls"] == 1
    assert server.stop() == 0
    with pytest.raises(grpc.RpcError):
        call.result()


def test_start__credential_in_the_clear__is_warned_of(start):
    """A host that is not this one; nothing is sent, as nobody calls."""
    server, _ = start(base_url="http://upstream.invalid")
    assert events(server, "credential_in_the_clear")
    server, _ = start()
    assert not events(server, "credential_in_the_clear")


class WithFewDescriptors(Vertexd):
    """A server that may have so many descriptors and no more."""

    LIMIT = "import os, resource, sys; n = int(sys.argv[1]);" \
        "resource.setrlimit(resource.RLIMIT_NOFILE, (n, n));" \
        "os.execv(sys.argv[2], sys.argv[2:])"

    def __init__(self, limit, *arguments):
        Process.__init__(self, sys.executable, "-c", self.LIMIT, limit,
                         binary("VERTEXD_BIN", "vertexd"), "--listen",
                         "127.0.0.1:0", *arguments)
        self.emulates = "--emulate" in arguments


def test_few_descriptors__single_calls_get_through_beside_a_batch(emulator):
    server = WithFewDescriptors(
        64, "--base-url", emulator.url, "--project", "e2e", "--api-key", "k",
        "--default-model", MODEL, *ONE_ATTEMPT).start()
    lowered, = events(server, "descriptors_are_few")
    assert lowered["descriptor_limit"] == 64 and lowered["wanted"] == 10_000
    assert 10 <= lowered["max_in_flight"] < 32
    with grpc.insecure_channel(server.target) as channel:
        batch = vertexd_pb2_grpc.GenerationServiceStub(channel).BatchGenerate(
            vertexd_pb2.BatchGenerateRequest(
                prompts=["p" + control(latency="150ms")] * 300,
                max_concurrency=100))
        assert eventually(lambda: emulator.stats()["in_flight"] >= 10)
        for i in range(10):  # each on a connection of its own
            with grpc.insecure_channel(server.target, [
                    ("grpc.use_local_subchannel_pool", 1)]) as another:
                stub = vertexd_pb2_grpc.GenerationServiceStub(another)
                assert stub.Generate(Request(prompt=f"n {i}"), timeout=30).text
        assert Batch(batch).codes == ["OK"] * 300
    assert emulator.stats()["peak_in_flight"] <= lowered["max_in_flight"]
    assert server.stop() == 0


def test_few_descriptors__emulator_inside__calls_get_through():
    server = WithFewDescriptors(64, "--emulate").start()
    assert events(server, "descriptors_are_few")
    with grpc.insecure_channel(server.target) as channel:
        batch = vertexd_pb2_grpc.GenerationServiceStub(channel).BatchGenerate(
            vertexd_pb2.BatchGenerateRequest(
                prompts=["p"] * 300, max_concurrency=100))
        assert Batch(batch).codes == ["OK"] * 300
    assert server.stop() == 0
