"""Deadlines and cancellation of single calls."""

import threading
import time

import grpc
import pytest
from vertexd.v1 import vertexd_pb2

from calls import fails
from harness import control, eventually

Request = vertexd_pb2.GenerateRequest


def test_deadline__200_ms_against_60_s__typed_and_aborted(emulator, stub):
    begin = time.monotonic()
    with fails("DEADLINE_EXCEEDED") as failure:
        stub.Generate(Request(prompt="p" + control(latency="60s")),
                      timeout=0.2)
    assert time.monotonic() - begin < 30
    assert eventually(lambda: emulator.stats()["aborted"] == 1)
    assert emulator.stats()["in_flight"] == 0
    assert failure.code == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("method", ["Generate", "StreamGenerate"])
def test_deadline_margin__typed_error__beats_the_clients_timer(
        emulator, stub, method):
    """Half a second is long; a machine that stands still for it does so once.
    """
    request = Request(prompt="p" + control(latency="60s"))
    for _ in range(3):
        with fails("DEADLINE_EXCEEDED") as failure:
            answer = getattr(stub, method)(request, timeout=10)
            if method == "StreamGenerate":
                list(answer)
        if failure.domain == "vertexd":
            break
    assert failure.domain == "vertexd", "it came from the client's own timer"
    assert failure.reason in ("DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT")


def test_deadline__already_over__fails_at_once(emulator, stub):
    begin = time.monotonic()
    with fails("DEADLINE_EXCEEDED"):
        stub.Generate(Request(prompt="p" + control(latency="60s")), timeout=0)
    assert time.monotonic() - begin < 30
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_deadline__goes_upstream__as_server_timeout(emulator, stub):
    stub.Generate(Request(prompt="p"), timeout=30)
    assert 28 <= int(
        emulator.only_request().headers["x-server-timeout"]) <= 30


def test_deadline__none_given__the_default_holds(emulator, start):
    _, stub = start("--default-deadline", "1s")
    for call in (lambda: stub.Generate(
                     Request(prompt="p" + control(latency="60s"))),
                 lambda: list(stub.StreamGenerate(
                     Request(prompt="p" + control(latency="60s")))),
                 lambda: stub.CountTokens(vertexd_pb2.CountTokensRequest(
                     prompt="p" + control(latency="60s")))):
        with fails("DEADLINE_EXCEEDED"):
            call()


def test_deadline__default__is_the_item_timeout_of_a_batch_only(
        emulator, start):
    """A batch has no deadline of its own: six items of 0.9 s pass."""
    _, stub = start("--default-deadline", "5s")
    from calls import Batch
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(latency="900ms")] * 6 +
                ["q" + control(latency="60s")], max_concurrency=1)))
    assert batch.codes == ["OK"] * 6 + ["DEADLINE_EXCEEDED"]


@pytest.mark.parametrize("method", ["Generate", "CountTokens"])
def test_cancel__unary__upstream_is_aborted(emulator, stub, method):
    kind = {"Generate": vertexd_pb2.GenerateRequest,
            "CountTokens": vertexd_pb2.CountTokensRequest}[method]
    call = getattr(stub, method).future(
        kind(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    call.cancel()
    assert eventually(lambda: emulator.stats()["aborted"] == 1)


def test_cancel__connection_lost__upstream_is_aborted(emulator, server):
    from vertexd.v1 import vertexd_pb2_grpc
    channel = grpc.insecure_channel(
        server.target, options=[("grpc.use_local_subchannel_pool", 1)])
    own = vertexd_pb2_grpc.GenerationServiceStub(channel)
    call = own.Generate.future(Request(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    channel.close()
    assert call.done()
    assert eventually(lambda: emulator.stats()["aborted"] == 1)


def test_cancel__in_every_moment__leaves_nothing(emulator, stub):
    """Cancels after 0, 1, 2 … ms, into whatever is going on then."""
    for delay in range(40):
        call = stub.StreamGenerate(Request(
            prompt="p" + control(chunks=20, chunk_interval="1ms")))
        timer = threading.Timer(delay / 1000, call.cancel)
        timer.start()
        try:
            list(call)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.CANCELLED
        timer.join()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
