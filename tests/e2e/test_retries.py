"""Calls that fail and are made again: policy, budget, and waiting for quota."""

import time

import grpc
import pytest

import calls
from harness import WAIT, control, eventually
from vertexd.v1 import vertexd_pb2 as pb
from vertexd.v1 import vertexd_pb2_grpc


def ask(stub, prompt, timeout=WAIT, metadata=None, **fields):
    return stub.Generate(pb.GenerateRequest(prompt=prompt, **fields),
                         timeout=timeout, metadata=metadata)


def batch(stub, prompts, concurrency=20, **options):
    return calls.Batch(stub.BatchGenerate(
        pb.BatchGenerateRequest(prompts=prompts, max_concurrency=concurrency,
                                options=pb.BatchOptions(**options)),
        timeout=WAIT))


# One item.

@pytest.mark.parametrize("fault", ["http_503", "http_500", "reset",
                                   "html_502", "reset_mid_body"])
def test_retries__failure_that_may_pass__made_again(start, emulator, fault):
    _, stub = start()
    answer = ask(stub, "again " + control(fault=fault, fail_times=2, key="k"))
    assert "again" in answer.text
    assert answer.serving.attempts == 3
    assert emulator.stats()["requests"] == 3
    failed = answer.serving.failed_attempts
    assert len(failed) == 2
    for attempt in failed:
        assert attempt.target == answer.serving.target
        assert attempt.code and attempt.reason.startswith("UPSTREAM_")
        assert attempt.duration.ToNanoseconds() >= 0
    if fault == "http_503":
        assert [a.http_status for a in failed] == [503, 503]


@pytest.mark.parametrize("fault,reason", [
    ("http_400", "UPSTREAM_INVALID_ARGUMENT"),
    ("http_403", "UPSTREAM_PERMISSION_DENIED"),
    ("http_404", "MODEL_NOT_FOUND"),
    ("not_json", "UPSTREAM_MALFORMED")])
def test_retries__would_fail_again__not_made(start, emulator, fault, reason):
    _, stub = start()
    with pytest.raises(grpc.RpcError) as caught:
        ask(stub, control(fault=fault))
    failure = calls.Failure()
    failure.take(caught.value)
    assert failure.reason == reason
    assert emulator.stats()["requests"] == 1
    assert reason in failure.metadata["tried"]


@pytest.mark.parametrize("flags,attempts", [
    ((), 3), (("--interactive-attempts", "1"), 1),
    (("--interactive-attempts", "2"), 2)])
def test_attempts__single_call__at_the_limit_and_past(start, emulator, flags,
                                               attempts):
    _, stub = start(*flags)
    fault = {"fault": "http_503", "fail_times": attempts - 1, "key": "at"}
    answer = ask(stub, "at " + (control(**fault) if attempts > 1 else ""))
    assert answer.serving.attempts == attempts
    with calls.fails("UNAVAILABLE", "UPSTREAM_UNAVAILABLE") as failure:
        ask(stub, control(fault="http_503", fail_times=attempts, key="past"))
    assert "UPSTREAM_UNAVAILABLE" in failure.metadata["tried"]
    assert emulator.stats()["requests"] == 2 * attempts


def test_attempts__items__at_the_limit_and_past(start, emulator):
    _, stub = start("--batch-attempts", "2")
    found = batch(stub, [
        "at " + control(fault="http_503", fail_times=1, key="at"),
        "past " + control(fault="http_503", fail_times=2, key="past")])
    assert found.codes == ["OK", "UNAVAILABLE"]
    assert [r.attempts for r in found.by_index] == [2, 2]
    assert emulator.stats()["requests"] == 4


def test_attempts__callers_own__count(start, emulator):
    """gRPC's own retries tell how many there were; here the test does."""
    server, _ = start()
    prompt = control(fault="http_503", fail_times=50, key="k")

    def attempts(*metadata):
        before = emulator.stats()["requests"]
        with calls.fails("UNAVAILABLE"):
            ask(stub, prompt, metadata=metadata)
        return emulator.stats()["requests"] - before
    name = "grpc-previous-rpc-attempts"
    with grpc.insecure_channel(
            server.target, options=[("grpc.enable_retries", 0)]) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        assert attempts() == 3
        assert attempts((name, "1")) == 2
        assert attempts((name, "2")) == 1
        assert attempts((name, "3")) == 1  # one is always left
        assert attempts((name, "2000000000")) == 1
        assert attempts((name, "many")) == 3


def test_deadline__during_backoff__is_the_end(start, emulator):
    _, stub = start()
    with calls.fails("DEADLINE_EXCEEDED") as failure:
        for _ in range(20):  # until a delay is longer than the time left
            ask(stub, control(fault="http_503", latency="300ms"), timeout=0.7)
    assert "UPSTREAM_UNAVAILABLE" in failure.metadata.get("tried", "") or \
        failure.reason == ""


def test_cancel__during_backoff__stops_the_spend(start, emulator):
    server, stub = start()
    call = stub.BatchGenerate(pb.BatchGenerateRequest(
        prompts=[control(fault="http_503")] * 20, max_concurrency=20))
    assert eventually(lambda: emulator.stats()["requests"] >= 20)
    call.cancel()
    assert not server.settle()
    sent = emulator.stats()["requests"]
    time.sleep(2.5)  # longer than the delays that were on the way
    assert emulator.stats()["requests"] == sent


# Streams.

def test_stream__fails_before_its_first_message__made_again(start, emulator):
    _, stub = start()
    prompt = "stream " + control(fault="http_503", fail_times=1, key="k",
                                 chunks=3)
    chunks = list(stub.StreamGenerate(pb.GenerateRequest(prompt=prompt),
                                      timeout=WAIT))
    assert chunks[-1].serving.attempts == 2
    assert "stream" in "".join(c.text for c in chunks)
    assert emulator.stats()["requests"] == 2


def test_stream__fails_after_it__not_made_again(start, emulator):
    _, stub = start()
    prompt = control(fault="sse_reset", fail_times=1, key="k", chunks=4)
    call = stub.StreamGenerate(pb.GenerateRequest(prompt=prompt), timeout=WAIT)
    assert next(call).text
    with calls.fails("UNAVAILABLE", "UPSTREAM_BROKEN"):
        list(call)
    assert emulator.stats()["requests"] == 1


# Pipes.

def test_pipe__items_fail_at_first__made_again(start, emulator):
    _, stub = start()

    def items():
        yield pb.PipeGenerateRequest(start=pb.PipeStart(max_concurrency=2))
        for i in range(6):
            fault = {"fault": "http_503", "fail_times": 1, "key": f"p{i}"}
            yield pb.PipeGenerateRequest(item=pb.GenerateRequest(
                prompt=f"item {i} " + (control(**fault) if i % 2 else "")))
    found = calls.Batch(stub.PipeGenerate(items(), timeout=WAIT))
    assert found.codes == ["OK"] * 6
    assert [r.attempts for r in found.by_index] == [1, 2] * 3
    assert emulator.stats()["requests"] == 9


def test_pipe__caller_leaves_in_the_delay__nothing_is_left(start, emulator):
    server, stub = start()

    def items():
        yield pb.PipeGenerateRequest(start=pb.PipeStart(max_concurrency=4))
        for i in range(8):
            yield pb.PipeGenerateRequest(item=pb.GenerateRequest(
                prompt=control(fault="http_503")))
    call = stub.PipeGenerate(items(), timeout=WAIT)
    assert eventually(lambda: emulator.stats()["requests"] >= 4)
    call.cancel()
    assert not server.settle()


# Quota.

def test_quota__refused__goes_back_and_costs_nothing(start, emulator):
    _, stub = start("--interactive-attempts", "1", "--batch-attempts", "1")
    answer = ask(stub, "q " + control(fault="http_429", fail_times=3, key="a"))
    assert answer.serving.attempts == 1
    assert [a.reason for a in answer.serving.failed_attempts] == \
        ["UPSTREAM_QUOTA_EXHAUSTED"] * 3
    found = batch(stub, ["q " + control(fault="http_429", fail_times=1,
                                        key=f"b{i}") for i in range(3)])
    assert found.codes == ["OK"] * 3
    assert [r.attempts for r in found.by_index] == [1] * 3
    assert emulator.stats()["requests"] == 4 + 6


def test_quota__many_refusals__the_last_eight_are_told(start, emulator):
    _, stub = start("--throttle-wait", "100s")
    answer = ask(stub, control(fault="http_429", fail_times=9, key="k"))
    assert len(answer.serving.failed_attempts) == 8


def test_quota__single_call__patience_has_an_end(start, emulator):
    _, stub = start("--throttle-wait", "1500ms")
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
        ask(stub, control(fault="http_429"))
    assert f.retry_after.total_seconds() > 0
    assert "UPSTREAM_QUOTA_EXHAUSTED" in f.metadata["tried"]
    assert emulator.stats()["requests"] >= 2


def test_quota__no_patience__refused_at_once(start, emulator):
    _, stub = start("--throttle-wait", "0s")
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
        ask(stub, control(fault="http_429"))
    assert f.retry_after.total_seconds() > 0
    assert emulator.stats()["requests"] == 1


def test_quota__retry_info_beyond_patience__passed_on(start, emulator):
    _, stub = start("--throttle-wait", "2s")
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
        ask(stub, control(fault="http_429_retryinfo", retry_delay="30s"))
    assert f.retry_after.total_seconds() == 30
    assert emulator.stats()["requests"] == 1
    # and holds the target: who comes now is told at once
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
        ask(stub, "hello")
    assert 20 < f.retry_after.total_seconds() < 40
    assert emulator.stats()["requests"] == 1


@pytest.mark.parametrize("patience", ["10s", "100s"])
def test_quota__held_beyond_the_deadline__quota_is_the_reason(
        start, emulator, patience):
    _, stub = start("--throttle-wait", patience)
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED"):
        ask(stub, control(fault="http_429_retryinfo", retry_delay="40s"),
            timeout=20)
    with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
        ask(stub, "hello", timeout=5)
    assert f.retry_after.total_seconds() > 5
    assert emulator.stats()["requests"] == 1


def test_quota__retry_info_within_patience__honoured(start, emulator):
    _, stub = start()
    begun = time.monotonic()
    answer = ask(stub, control(fault="http_429_retryinfo", retry_delay="1s",
                               fail_times=1, key="k"))
    assert answer.serving.attempts == 1
    assert time.monotonic() - begun >= 1
    assert emulator.stats()["requests"] == 2


def test_quota__never_sent__ends_with_its_patience(start, emulator):
    """Twelve calls for a target that is paced by its refusals: most are never
    sent, and all are told in the end, whether at once or later."""
    _, stub = start("--throttle-wait", "3s")
    emulator.defaults(fault="http_429")
    running = [stub.Generate.future(pb.GenerateRequest(prompt=f"p{i}"),
                                    timeout=WAIT) for i in range(12)]
    for call in running:
        with calls.fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED") as f:
            call.result()
        assert f.retry_after.total_seconds() > 0


def test_overload__single_calls_wait_in_vain__unavailable(start, emulator):
    """A target that fails is sent few requests; that is no matter of quota."""
    _, stub = start("--throttle-wait", "1s", "--interactive-attempts", "2")
    emulator.defaults(fault="http_503", latency_ms=300)
    load = stub.BatchGenerate(pb.BatchGenerateRequest(
        prompts=["x"] * 200, max_concurrency=50), timeout=WAIT)
    assert eventually(lambda: emulator.stats()["requests"] >= 60)
    running = [stub.Generate.future(pb.GenerateRequest(prompt=f"p{i}"),
                                    timeout=WAIT) for i in range(8)]
    for call in running:
        with calls.fails("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"):
            call.result()
    load.cancel()


def test_quota__items__wait_until_their_timeout(start, emulator):
    _, stub = start("--throttle-wait", "0s")
    found = batch(stub, [control(fault="http_429")] * 3,
                  item_timeout={"seconds": 2})
    assert found.codes == ["DEADLINE_EXCEEDED"] * 3
    assert found.reasons == ["ITEM_TIMEOUT"] * 3
    for result in found.results:
        assert "UPSTREAM_QUOTA_EXHAUSTED" in result.error.metadata["tried"]
        assert result.attempts >= 1


# Budget.

def test_budget__30_percent_fail__all_served_with_few_calls(start, emulator):
    _, stub = start()
    emulator.defaults(fault="http_503", probability=0.3)
    found = batch(stub, [f"item {i}" for i in range(1500)], concurrency=200)
    assert set(found.codes) == {"OK"}
    sent = emulator.stats()["requests"]
    assert sent == sum(r.attempts for r in found.results)
    assert sent <= 1.6 * 1500


@pytest.mark.parametrize("concurrency", [50, 200])
def test_budget__all_fail__not_multiplied(start, emulator, concurrency):
    _, stub = start()
    emulator.defaults(fault="http_503")
    found = batch(stub, [f"item {i}" for i in range(200)], concurrency)
    assert set(found.codes) == {"UNAVAILABLE"}
    assert emulator.stats()["requests"] <= 1.15 * 200
