"""StreamGenerate: pieces as they come, and ends that are no ends."""

import time

import pytest
from vertexd.v1 import vertexd_pb2

from calls import fails
from harness import control, eventually

Request = vertexd_pb2.GenerateRequest


def test_stream__pieces__add_up_to_the_answer(emulator, stub):
    whole = stub.Generate(Request(prompt="What is it?")).text
    chunks = list(stub.StreamGenerate(Request(
        prompt="What is it?" + control(chunks=7)), timeout=30))
    assert len(chunks) >= 7
    assert "".join(c.text for c in chunks) == whole
    assert chunks[-1].finish_reason_text == "STOP"
    assert all(c.text != whole for c in chunks)


def test_stream__pieces__come_as_they_are_produced(emulator, stub):
    call = stub.StreamGenerate(Request(
        prompt="p" + control(fault="stall", chunks=4)))
    assert next(call).text  # while the rest never comes
    assert emulator.stats()["in_flight"] == 1
    call.cancel()


def test_stream__request__asks_for_server_sent_events(emulator, stub):
    list(stub.StreamGenerate(Request(prompt="p")))
    path = emulator.only_request().raw
    assert "streamGenerateContent" in str(path) and "alt=sse" in str(path)


def test_stream__id_and_serving__are_there(emulator, stub):
    chunks = list(stub.StreamGenerate(Request(prompt="p", id="mine")))
    assert chunks[-1].id == "mine"
    assert chunks[-1].serving.attempts == 1


@pytest.mark.parametrize("fault, code, reason", [
    ("sse_truncated", "UNAVAILABLE", "UPSTREAM_TRUNCATED"),
    ("no_finish", "UNAVAILABLE", "UPSTREAM_TRUNCATED"),
    ("sse_reset", "UNAVAILABLE", None),
    ("sse_error_raw", None, None),
    ("sse_error_data", None, None),
])
def test_stream__broken_off__is_never_ok(emulator, stub, fault, code, reason):
    got = []
    with fails(code or "UNAVAILABLE", reason) as failure:
        for chunk in stub.StreamGenerate(Request(
                prompt="a prompt with several words" +
                control(fault=fault, chunks=6))):
            got.append(chunk.text)
    assert got, "what came before the fault is delivered"
    assert failure.domain == "vertexd"


@pytest.mark.parametrize("fault, code", [
    ("http_429", "RESOURCE_EXHAUSTED"), ("http_503", "UNAVAILABLE"),
    ("http_404", "NOT_FOUND"), ("http_400", "INVALID_ARGUMENT")])
def test_stream__refused_upstream__fails_before_any_piece(
        emulator, stub, fault, code):
    call = stub.StreamGenerate(Request(prompt="p" + control(fault=fault)))
    with fails(code):
        next(call)


def test_stream__stalls__ends_at_the_deadline(emulator, stub):
    got = []
    with fails("DEADLINE_EXCEEDED"):
        for chunk in stub.StreamGenerate(
                Request(prompt="p" + control(fault="stall", chunks=4)),
                timeout=1):
            got.append(chunk)
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_stream__caller_leaves__upstream_is_aborted(emulator, stub):
    call = stub.StreamGenerate(Request(
        prompt="p" + control(chunks=1000, words=5000,
                             chunk_interval="100ms")))
    next(call)
    call.cancel()
    assert eventually(lambda: emulator.stats()["aborted"] == 1)


def test_stream__slow_reader__gets_all_and_slows_nobody(emulator, stub):
    call = stub.StreamGenerate(Request(
        prompt="word " + control(words=200000, chunks=400)))
    first = next(call)
    time.sleep(0.5)
    stub.Generate(Request(prompt="quick"), timeout=60)
    text = first.text + "".join(c.text for c in call)
    assert text.count(" ") > 190000
