"""BatchGenerate: exactly one result for each index, whatever happens."""

import time

import pytest
from google.protobuf.duration_pb2 import Duration
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import Batch, fails
from harness import control, eventually

Request = vertexd_pb2.BatchGenerateRequest
Prompt = vertexd_pb2.GenerateRequest
Options = vertexd_pb2.BatchOptions
STOP = vertexd_pb2.ERROR_POLICY_STOP


def millis(count):
    return Duration(seconds=count // 1000, nanos=count % 1000 * 1_000_000)


def run(stub, prompts, timeout=None, defaults=None, max_concurrency=0,
        **options):
    return Batch(stub.BatchGenerate(
        Request(prompts=prompts, defaults=defaults,
                max_concurrency=max_concurrency,
                options=Options(**options)), timeout=timeout))


def test_batch__prompts__one_result_each_then_a_summary(emulator, stub):
    batch = run(stub, ["What is machine learning?", "What is deep learning?"],
                max_concurrency=3)
    assert '"What is machine learning?"' in batch.texts[0]
    assert '"What is deep learning?"' in batch.texts[1]
    assert batch.events == ["result", "result", "summary"]
    assert all(r.attempts == 1 for r in batch.results)
    summary = batch.summary
    counts = [r.response.token_count for r in batch.results]
    assert summary.prompt_tokens == sum(c.prompt_tokens for c in counts)
    assert summary.completion_tokens == \
        sum(c.completion_tokens for c in counts)
    assert summary.total_tokens == sum(c.total_tokens for c in counts)
    assert summary.duration.ToNanoseconds() > 0
    assert summary.max_concurrency == 3


def test_batch__every_index__has_exactly_one_result(emulator, stub):
    """Whatever becomes of each: answers, faults and bad prompts mixed."""
    kinds = ["", control(fault="http_503"), control(block="SAFETY"),
             control(fault="reset"), control(latency="20ms"),
             control(fault="http_400"), control(fault="not_json")]
    prompts = [f"number {i}{kinds[i % len(kinds)]}" for i in range(140)]
    prompts[13] = ""
    batch = run(stub, prompts, max_concurrency=20)
    assert len(batch.results) == 140  # Batch checks the rest
    assert batch.codes[13] == "INVALID_ARGUMENT"
    for i, text in enumerate(batch.texts):
        if i % len(kinds) in (0, 4):
            assert f'"number {i}"' in text


def test_batch__every_item_failed__the_call_is_ok(emulator, stub):
    batch = run(stub, ["a" + control(fault="http_503")] * 10)
    assert batch.codes == ["UNAVAILABLE"] * 10
    assert batch.summary.failed == 10
    failure = batch.summary.failures[0]
    assert failure.count == 10 and failure.reason == "UPSTREAM_UNAVAILABLE"
    assert failure.code == vertexd_pb2.Error.UNAVAILABLE


def test_batch__no_items__ok_with_an_empty_summary(emulator, stub):
    for request in (Request(), Request(defaults=Prompt(model="m"))):
        batch = Batch(stub.BatchGenerate(request))
        assert batch.events == ["summary"] and batch.summary.total == 0


def test_batch__requests__have_settings_and_ids_of_their_own(emulator, stub):
    batch = Batch(stub.BatchGenerate(Request(
        requests=[Prompt(prompt="a", id="first", model="m1"),
                  Prompt(prompt="b", id="first"),
                  Prompt(contents=[gemini_pb2.Content(
                      parts=[gemini_pb2.Part(text="c")])], return_json=True)],
        max_concurrency=1)))
    assert [r.id for r in batch.results] == ["first", "first", ""]
    assert batch.results[0].response.id == "first"
    assert batch.results[2].response.json
    assert "/m1:" in emulator.requests(3)[0].path


def test_batch_error__names_the_item__and_costs_nothing_upstream(
        emulator, stub):
    text = gemini_pb2.Content(parts=[gemini_pb2.Part(text="t")])
    batch = Batch(stub.BatchGenerate(Request(requests=[
        Prompt(), Prompt(prompt="fine"),
        Prompt(prompt="both", contents=[text]),
        Prompt(prompt="p", json_schema_text="nonsense"),
        Prompt(prompt="p", model="..")])))
    assert batch.codes == ["INVALID_ARGUMENT", "OK"] + ["INVALID_ARGUMENT"] * 3
    fields = [r.error.field for r in batch.by_index]
    assert fields[0].startswith("requests[0]")
    assert fields[2].startswith("requests[2]")
    assert fields[3] == "requests[3].json_schema_text"
    assert fields[4] == "requests[4].model"
    assert [r.attempts for r in batch.by_index] == [0, 1, 0, 0, 0]
    assert emulator.stats()["requests"] == 1


@pytest.mark.parametrize("request_, field", [
    (Request(prompts=["a"], requests=[Prompt(prompt="b")]), None),
    (Request(prompts=["a"], max_concurrency=-1), "max_concurrency"),
    (Request(prompts=["a"], defaults=Prompt(prompt="x")), "defaults.prompt"),
    (Request(prompts=["a"], defaults=Prompt(contents=[gemini_pb2.Content()])),
     "defaults.contents"),
    (Request(prompts=["a"], defaults=Prompt(id="x")), "defaults.id"),
    (Request(prompts=["a"], options=Options(weight=-1)), "options.weight"),
    (Request(prompts=["a"], options=Options(order=9)), "options.order"),
    (Request(prompts=["a"], options=Options(on_error=9)), "options.on_error"),
    (Request(prompts=["a"], options=Options(item_timeout=millis(-1000))),
     "options.item_timeout"),
    (Request(prompts=["a"], options=Options(deadline_margin=millis(-1000))),
     "options.deadline_margin"),
    (Request(prompts=["a"], options=Options(progress_interval=millis(-1000))),
     "options.progress_interval"),
    (Request(prompts=["a"], options=Options(max_message_bytes=-1)),
     "options.max_message_bytes"),
    (Request(prompts=["a"], options=Options(max_message_bytes=1023)),
     "options.max_message_bytes"),
    (Request(prompts=["a"], defaults=Prompt(
        json_schema_text="{}", return_json=True,
        generation_config=gemini_pb2.GenerationConfig(
            response_schema=gemini_pb2.Schema()))), None),
], ids=lambda v: v if isinstance(v, str) else None)
def test_batch_envelope__wrong__fails_as_a_whole(
        emulator, stub, request_, field):
    with fails("INVALID_ARGUMENT", field=field):
        list(stub.BatchGenerate(request_))
    assert emulator.stats()["requests"] == 0


def test_batch_items__limit__holds_and_one_past_is_refused(emulator, start):
    _, stub = start("--max-batch-items", "10")
    assert run(stub, ["p"] * 10).summary.total == 10
    for items in ({"prompts": ["p"] * 11},
                  {"requests": [Prompt(prompt="p")] * 11}):
        with fails("INVALID_ARGUMENT", "TOO_MANY_ITEMS"):
            list(stub.BatchGenerate(Request(**items)))


def test_order__unspecified__is_input_order(emulator, stub):
    prompts = [f"p{i}" + control(latency=f"{(9 - i) * 40}ms")
               for i in range(10)]
    batch = run(stub, prompts, max_concurrency=10)
    assert batch.indexes == list(range(10))
    for prompt, result in zip(range(10), batch.results):
        assert f'"p{prompt}"' in result.response.text


def test_order__input__is_input_order_over_failures_too(emulator, stub):
    prompts = ["" if i % 3 == 0 else f"p{i}" + control(
        latency=f"{(9 - i) * 20}ms") for i in range(10)]
    batch = run(stub, prompts, max_concurrency=10,
                order=vertexd_pb2.RESULT_ORDER_INPUT)
    assert batch.indexes == list(range(10))


def test_order__as_completed__fast_ones_come_first(emulator, stub):
    prompts = ["slow" + control(latency="1500ms"), "fast", "fast", "fast"]
    batch = run(stub, prompts, max_concurrency=4,
                order=vertexd_pb2.RESULT_ORDER_AS_COMPLETED)
    assert batch.indexes[-1] == 0
    assert sorted(batch.indexes) == [0, 1, 2, 3]


@pytest.mark.parametrize("asked, peak", [(1, 1), (3, 3), (0, 5), (40, 40)])
def test_max_concurrency__is_never_exceeded_and_is_used(
        emulator, stub, asked, peak):
    emulator.defaults(latency_ms=300)
    count = max(4, 2 * peak)
    batch = run(stub, [f"p{i}" for i in range(count)], max_concurrency=asked)
    assert batch.codes == ["OK"] * count
    assert emulator.stats()["peak_in_flight"] == peak
    assert batch.summary.max_concurrency == peak


def test_max_concurrency__over_the_cap__is_lowered_and_said(emulator, start):
    _, stub = start("--max-concurrency-cap", "3")
    emulator.defaults(latency_ms=100)
    batch = run(stub, ["p"] * 12, max_concurrency=1000,
                progress_interval=millis(100))
    assert emulator.stats()["peak_in_flight"] == 3
    assert batch.summary.max_concurrency == 3
    assert {p.max_concurrency for p in batch.progress} == {3}


def test_max_in_flight__of_the_process__holds_over_calls(emulator, start):
    _, stub = start("--max-in-flight", "4")
    emulator.defaults(latency_ms=50)
    calls = [stub.BatchGenerate(Request(prompts=["p"] * 10,
                                        max_concurrency=10))
             for _ in range(3)]
    for call in calls:
        assert Batch(call).codes == ["OK"] * 10
    assert emulator.stats()["peak_in_flight"] <= 4


def test_weight__above_its_limit__is_lowered(emulator, stub):
    assert run(stub, ["p"], weight=101).codes == ["OK"]


def test_fairness__a_single_prompt__does_not_wait_for_a_batch(
        emulator, start):
    _, stub = start("--max-in-flight", "10")
    emulator.defaults(latency_ms=500)
    call = stub.BatchGenerate(Request(prompts=["p"] * 300,
                                      max_concurrency=300))
    next(call)
    stub.Generate(Prompt(prompt="single"))
    assert emulator.stats()["requests"] < 300, "the batch was still running"
    call.cancel()


def test_progress__interval_unset__there_is_none(emulator, stub):
    batch = run(stub, ["p" + control(latency="300ms")] * 3)
    assert batch.progress == []


def test_progress__interval_set__tells_how_far_it_is(emulator, stub):
    prompts = ["p" + control(latency="150ms")] * 10 + [""]
    batch = run(stub, prompts, max_concurrency=2,
                progress_interval=millis(100))
    assert len(batch.progress) >= 3
    assert all(p.total == 11 for p in batch.progress)
    assert all(p.in_flight <= 2 for p in batch.progress)
    done = [p.done for p in batch.progress]
    assert done == sorted(done) and done[0] < 11
    assert batch.progress[-1].failed <= 1


def test_on_error__unspecified__goes_on(emulator, stub):
    batch = run(stub, ["p" + control(fault="http_500"), "q"])
    assert batch.codes == ["INTERNAL", "OK"]


def test_on_error__stop__the_rest_are_aborted(emulator, stub):
    prompts = ["good", "bad" + control(fault="http_500")] + ["rest"] * 50
    batch = run(stub, prompts, max_concurrency=1, on_error=STOP)
    assert batch.codes == ["OK", "INTERNAL"] + ["ABORTED"] * 50
    assert emulator.stats()["requests"] == 2


def test_on_error__stop__work_under_way_is_aborted(emulator, stub):
    prompts = ["bad" + control(fault="http_500", latency="300ms")] + \
        ["rest" + control(latency="30s")] * 9
    begin = time.monotonic()
    batch = run(stub, prompts, max_concurrency=10, on_error=STOP)
    assert time.monotonic() - begin < 20
    assert batch.codes == ["INTERNAL"] + ["ABORTED"] * 9
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_on_error__stop__a_bad_prompt_stops_too(emulator, stub):
    batch = run(stub, ["", "p", "q"], max_concurrency=1, on_error=STOP)
    assert batch.codes == ["INVALID_ARGUMENT", "ABORTED", "ABORTED"]


@pytest.mark.parametrize("fault, code, reason", [
    ("http_401", "FAILED_PRECONDITION", "UPSTREAM_UNAUTHENTICATED"),
    ("http_403", "FAILED_PRECONDITION", "UPSTREAM_PERMISSION_DENIED"),
    ("http_404", "NOT_FOUND", "MODEL_NOT_FOUND"),
    ("html_404", "NOT_FOUND", "LOCATION_NOT_FOUND")])
def test_error_that_hits_all__stops_the_sending(
        emulator, stub, fault, code, reason):
    emulator.defaults(fault=fault)
    batch = run(stub, ["p"] * 100, max_concurrency=2)
    assert batch.codes == [code] * 100
    assert set(batch.reasons) == {reason}
    assert emulator.stats()["requests"] < 10
    assert sum(r.attempts for r in batch.results) == \
        emulator.stats()["requests"]


def test_error_of_one_item__does_not_stop_the_sending(emulator, stub):
    batch = run(stub, ["p" + control(fault="http_400")] * 5 + ["q"],
                max_concurrency=1)
    assert batch.codes == ["INVALID_ARGUMENT"] * 5 + ["OK"]
    assert emulator.stats()["requests"] == 6


def test_item_timeout__runs_from_dispatch__not_from_arrival(emulator, stub):
    """Eight items of 0.8 s, one at a time, outlive a timeout of 5 s."""
    batch = run(stub, ["p" + control(latency="800ms")] * 8,
                max_concurrency=1, item_timeout=millis(5000))
    assert batch.codes == ["OK"] * 8


def test_item_timeout__over__is_that_items_error(emulator, stub):
    batch = run(stub, ["p" + control(latency="30s"), "q"],
                item_timeout=millis(300))
    assert batch.codes == ["DEADLINE_EXCEEDED", "OK"]
    assert batch.reasons[0] in ("ITEM_TIMEOUT", "UPSTREAM_TIMEOUT")
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_item_timeout__goes_upstream__as_server_timeout(emulator, stub):
    run(stub, ["p"], item_timeout=millis(2500))
    assert emulator.only_request().headers["x-server-timeout"] == "3"


def test_deadline_in_the_middle__nothing_finished_is_lost(emulator, stub):
    prompts = ["p" + control(latency="100ms")] * 5 + \
        ["p" + control(latency="60s")] * 20
    batch = run(stub, prompts, timeout=38, max_concurrency=5,
                deadline_margin=millis(30_000))
    assert batch.codes == ["OK"] * 5 + ["DEADLINE_EXCEEDED"] * 20
    assert batch.summary.failed == 20
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_deadline_margin__is_kept(emulator, stub):
    begin = time.monotonic()
    batch = run(stub, ["p" + control(latency="60s")] * 3, timeout=30,
                deadline_margin=millis(28_000))
    assert batch.codes == ["DEADLINE_EXCEEDED"] * 3
    assert time.monotonic() - begin < 25


def test_cancel__batch_of_100_in_flight__aborts_all(emulator, stub):
    call = stub.BatchGenerate(Request(
        prompts=["p" + control(latency="60s")] * 150, max_concurrency=100))
    assert eventually(lambda: emulator.stats()["in_flight"] == 100)
    call.cancel()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
    assert emulator.stats()["aborted"] == 100
    assert emulator.stats()["requests"] == 100


def test_defaults__merge__each_kind_by_its_rule(emulator, stub):
    config = gemini_pb2.GenerationConfig
    defaults = Prompt(
        model="default-model", labels={"a": "1", "b": "2"},
        generation_config=config(temperature=0.5, max_output_tokens=50,
                                 stop_sequences=["X", "Y"]),
        safety_settings=[gemini_pb2.SafetySetting(category=1, threshold=1),
                         gemini_pb2.SafetySetting(category=2, threshold=1)])
    Batch(stub.BatchGenerate(Request(
        requests=[Prompt(prompt="inherits"),
                  Prompt(prompt="overrides", model="own-model",
                         labels={"c": "3"},
                         generation_config=config(temperature=0,
                                                  stop_sequences=["Z"]),
                         safety_settings=[gemini_pb2.SafetySetting(
                             category=3, threshold=5)])],
        defaults=defaults, max_concurrency=1)))
    inherits, overrides = emulator.requests(2)
    assert "/default-model:" in inherits.path
    assert inherits.body["labels"] == {"a": "1", "b": "2"}
    assert inherits.body["generationConfig"] == {
        "temperature": 0.5, "maxOutputTokens": 50,
        "stopSequences": ["X", "Y"]}
    assert len(inherits.body["safetySettings"]) == 2
    assert "/own-model:" in overrides.path
    assert overrides.body["labels"] == {"c": "3"}
    assert overrides.body["generationConfig"] == {
        "temperature": 0, "maxOutputTokens": 50, "stopSequences": ["Z"]}
    assert overrides.body["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]


def test_defaults__own_fields__merge_as_well(emulator, stub):
    batch = Batch(stub.BatchGenerate(Request(
        requests=[Prompt(prompt="a"), Prompt(prompt="b", return_json=False)],
        defaults=Prompt(return_json=True, include_raw=True))))
    assert batch.results[0].response.json
    assert not batch.results[1].response.json
    assert all(r.response.raw_json for r in batch.results)


def test_max_message_bytes__an_answer_over_it__is_that_items_error(
        emulator, stub):
    batch = run(stub, ["small", "large" + control(words=5000), "small"],
                max_message_bytes=10_000)
    assert batch.codes == ["OK", "RESOURCE_EXHAUSTED", "OK"]
    assert batch.reasons[1] == "RESPONSE_TOO_LARGE"


def test_max_message_bytes__unset__is_what_clients_accept(emulator, stub):
    """5 MB would break a client of gRPC's default 4 MiB; 1 MB would not."""
    batch = run(stub, ["internationalization" + control(words=n)
                       for n in (100_000, 400_000)])
    assert batch.codes == ["OK", "RESOURCE_EXHAUSTED"]
    assert batch.reasons[1] == "RESPONSE_TOO_LARGE"


def test_slow_reader__slows_its_own_batch_only(emulator, stub):
    """400 answers of 100 kB are more than the server keeps for one call."""
    call = stub.BatchGenerate(Request(
        prompts=["word " + control(words=20_000)] * 400,
        max_concurrency=50))
    first = next(call)
    eventually(lambda: emulator.stats()["in_flight"] == 0)
    time.sleep(0.5)
    assert emulator.stats()["requests"] < 400, "nothing holds the flow back"
    stub.Generate(Prompt(prompt="quick"), timeout=60)
    rest = [m.result for m in call if m.WhichOneof("event") == "result"]
    assert [r.index for r in [first.result, *rest]] == list(range(400))
    assert all(len(r.response.text) > 50_000 for r in rest)


def test_batch__of_5000__each_answer_to_its_own_prompt(emulator, stub):
    batch = run(stub, [f"number {i}" for i in range(5000)],
                max_concurrency=100)
    assert batch.indexes == list(range(5000))
    assert all(f'"number {i}"' in t for i, t in enumerate(batch.texts))


def test_batch__of_50000_in_one_request__works_and_one_more_does_not(
        emulator, start):
    _, stub = start()
    prompts = [f"number {i}" for i in range(50_000)]
    batch = run(stub, prompts, max_concurrency=200)
    assert batch.indexes == list(range(50_000))
    assert batch.summary.succeeded == 50_000
    assert f'"number {49_999}"' in batch.texts[49_999]
    with fails("INVALID_ARGUMENT", "TOO_MANY_ITEMS", field="prompts"):
        run(stub, [*prompts, "one more"])
