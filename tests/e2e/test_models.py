"""Calls whose prompts are for several models, one of which is out of quota."""

import pytest
from google.protobuf.duration_pb2 import Duration
from vertexd.v1 import vertexd_pb2 as pb

from calls import Batch
from harness import WAIT, control, eventually

AS_COMPLETED = pb.RESULT_ORDER_AS_COMPLETED
INPUT = pb.RESULT_ORDER_INPUT
STOP = pb.ERROR_POLICY_STOP


def hold_model(emulator, model="slow", delay="30s", **knobs):
    """Has the model refuse a request, and say when it may be asked again."""
    emulator.ask(f"defaults?model={model}", dict(
        fault="http_429_retryinfo", retry_delay=delay, **knobs))


def by_turns(count, **fast):
    return [pb.GenerateRequest(prompt=f"p{i}" + (control(**fast) if fast and
                                                 i % 2 else ""),
                               model="fast" if i % 2 else "slow")
            for i in range(count)]


def batch_of(prompts, **options):
    concurrency = options.pop("max_concurrency", 4)
    return pb.BatchGenerateRequest(
        requests=prompts, max_concurrency=concurrency,
        options=pb.BatchOptions(**options))


def pipe_of(prompts, **options):
    concurrency = options.pop("max_concurrency", 4)
    yield pb.PipeGenerateRequest(start=pb.PipeStart(
        max_concurrency=concurrency, max_read_ahead=100,
        options=pb.BatchOptions(**options)))
    for prompt in prompts:
        yield pb.PipeGenerateRequest(item=prompt)


def call(stub, kind, prompts, timeout=WAIT, **options):
    if kind == "batch":
        return stub.BatchGenerate(batch_of(prompts, **options), timeout=timeout)
    return stub.PipeGenerate(pipe_of(prompts, **options), timeout=timeout)


BOTH = pytest.mark.parametrize("kind", ["batch", "pipe"])


@BOTH
def test_one_is_held__prompts_of_the_other_are_answered(emulator, start, kind):
    hold_model(emulator)
    _, stub = start()
    running = call(stub, kind, by_turns(40), order=AS_COMPLETED)
    results = [next(running).result for _ in range(20)]
    assert [r.index % 2 for r in results] == [1] * 20
    assert all(r.response.text for r in results)
    running.cancel()


@BOTH
def test_one_is_held_for_a_moment__all_are_answered_in_order(
        emulator, start, kind):
    hold_model(emulator, delay="2s", fail_times=1, key="once")
    _, stub = start()
    batch = Batch(call(stub, kind, by_turns(200), order=INPUT))
    assert batch.codes == ["OK"] * 200
    assert batch.indexes == list(range(200))


@BOTH
def test_deadline__what_waited_for_quota_says_so(emulator, start, kind):
    hold_model(emulator)
    _, stub = start()
    batch = Batch(call(stub, kind, by_turns(40), timeout=34, order=INPUT,
                       deadline_margin=Duration(seconds=30)))
    assert batch.codes[1::2] == ["OK"] * 20
    late = [r for r in batch.by_index[::2]
            if r.error.reason == "DEADLINE_EXCEEDED"]
    # The others were under way when the model said that it takes no more.
    assert len(late) >= 15
    assert {r.error.metadata["waited_for"] for r in late} == {"quota"}
    assert {r.attempts for r in late} == {0}
    assert batch.summary.failed == 20


@BOTH
def test_stop_on_error__every_gap_has_its_result(emulator, start, kind):
    hold_model(emulator)
    _, stub = start()
    prompts = by_turns(30)
    prompts[25].prompt = control(fault="http_400")
    batch = Batch(call(stub, kind, prompts, on_error=STOP))
    assert batch.indexes and sorted(batch.indexes) == list(
        range(len(batch.results)))
    assert batch.codes[25] == "INVALID_ARGUMENT"
    assert set(batch.codes[::2]) == {"ABORTED"}
    assert "OK" in batch.codes


@BOTH
def test_two_quotas__both_are_used(emulator, start, kind):
    emulator.ask("defaults?model=slow", dict(quota_rps=10, quota_burst=1))
    emulator.ask("defaults?model=fast", dict(quota_rps=40, quota_burst=1))
    _, stub = start()
    prompts = [pb.GenerateRequest(prompt=f"p{i}", model="slow" if i % 5 == 0
                                  else "fast") for i in range(250)]
    batch = Batch(call(stub, kind, prompts, max_concurrency=50, order=INPUT))
    assert batch.codes == ["OK"] * 250
    assert batch.indexes == list(range(250))
    assert emulator.stats()["accepted"] == 250


def test_configured_quota_of_one_model__others_do_not_wait(emulator, start):
    _, stub = start("--model-quota", "slow=1")
    running = stub.BatchGenerate(batch_of(by_turns(40), order=AS_COMPLETED),
                                 timeout=WAIT)
    results = [next(running).result for _ in range(20)]
    assert sum(r.index % 2 for r in results) >= 18
    running.cancel()


def until_in_flight(emulator, *models):
    assert eventually(lambda: {
        t["model"] for t in emulator.stats()["by_target"]
        if t["in_flight"]} == set(models)), emulator.stats()


def held_batch(stub, *prompts):
    """A batch of models, and of the keys by which their answers are held."""
    return stub.BatchGenerate(batch_of(
        [pb.GenerateRequest(model=model, prompt=control(hold=key) if key
                            else "x") for model, key in prompts],
        order=AS_COMPLETED), timeout=WAIT)


def test_room_was_taken_by_another_call__the_next_prompt_overtakes(
        emulator, start):
    server, stub = start("--max-in-flight", "2", "--target-max-in-flight", "1")
    waiting = [held_batch(stub, ("a", "a")), held_batch(stub, ("b", "b"))]
    until_in_flight(emulator, "a", "b")
    waiting.append(held_batch(stub, ("slow", "slow")))
    assert eventually(lambda: server.counters()["flows"] == 3)
    # As this one comes "slow" has room: what lacks is a slot of the process.
    mixed = held_batch(stub, ("slow", None), ("fast", None))
    assert eventually(lambda: server.counters()["flows"] == 4)
    emulator.release("a")
    until_in_flight(emulator, "b", "slow")
    emulator.release("b")
    assert next(mixed).result.index == 1
    emulator.release("slow")
    assert next(mixed).result.index == 0
    for running in (mixed, *waiting):
        list(running)


def test_pipe__cancelled_with_gaps__nothing_is_left(emulator, start):
    hold_model(emulator)
    server, stub = start()
    running = call(stub, "pipe", by_turns(100), order=INPUT)
    # Behind the first one, which waits: results and gaps.
    assert eventually(lambda: emulator.stats()["ok"] >= 10)
    running.cancel()
    assert not server.settle()
