"""Answers longer than one call of the upstream: over its streaming call, and in
hops that go on where the last one ended."""

import base64
import json
import time

import pytest
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import Batch, fails
from harness import MODEL, control, eventually
from scripted import Reply, upstream

Request = vertexd_pb2.GenerateRequest
CONTINUATION = gemini_pb2.Candidate.CONTINUATION
UNARY_TOKENS = 32768
HOPS_MAX = 64  # VTX_HOPS_MAX
STALLED_MAX = 3  # VTX_HOPS_STALLED_MAX

PROMPT = "Write a long story about a lighthouse, with many words in it."


def asking_for(tokens, prompt=PROMPT, **fields):
    return Request(prompt=prompt, generation_config={
        "max_output_tokens": tokens}, **fields)


@pytest.fixture
def patient(start):
    """A stub of a server that makes failed calls again; the shared one does
    not."""
    return start()[1]


def verbs(emulator, last=100):
    return [r.raw["path"].split(":")[1].split("?")[0]
            for r in emulator.requests(last)]


def bodies(emulator, last=100):
    return [json.loads(r.raw["body"]) for r in emulator.requests(last)]


def plain(answer):
    """What of an answer must not depend on how it was transported."""
    copy = vertexd_pb2.GenerateResponse()
    copy.CopyFrom(answer)
    for name in ("create_time", "response_id", "serving", "raw_json"):
        copy.ClearField(name)
    copy.unrecognized.sort(key=lambda field: field.path)
    return copy


def whole(stub, prompt=PROMPT, knobs=None, **fields):
    """The answer in one piece."""
    return stub.Generate(Request(prompt=prompt + control(**(knobs or {})),
                                 **fields), timeout=30)


# --- unary answers over the streaming call


def test_unary__more_tokens_than_unary_may__over_the_streaming_call(
        emulator, stub):
    answer = stub.Generate(asking_for(40000), timeout=30)
    assert verbs(emulator) == ["streamGenerateContent"]
    assert plain(answer) == plain(stub.Generate(asking_for(1000), timeout=30))
    assert answer.serving.hops == 1 and answer.serving.attempts == 1


def test_unary__tokens_at_the_limit_and_past__which_call(emulator, stub):
    stub.Generate(asking_for(UNARY_TOKENS), timeout=30)
    stub.Generate(asking_for(UNARY_TOKENS + 1), timeout=30)
    assert verbs(emulator) == ["generateContent", "streamGenerateContent"]


def test_unary__tokens_in_extra_body__over_the_streaming_call(emulator, stub):
    request = asking_for(10)
    request.extra_body["generationConfig"] = {"maxOutputTokens": 40000}
    stub.Generate(request, timeout=30)
    assert verbs(emulator) == ["streamGenerateContent"]


def test_unary__streaming_switched_off__upstream_refuses(emulator, stub):
    with fails("INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT") as failure:
        stub.Generate(asking_for(40000, stream_upstream=False), timeout=30)
    assert "maxOutputTokens" in failure.message


def test_items__more_tokens_than_unary_may__over_the_streaming_call(
        emulator, stub):
    much = asking_for(40000, prompt="")
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["a b c", "d e f"], defaults=much), timeout=30))
    mapped = stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
        template="{item} b c", items=["a"], defaults=much), timeout=30)
    piped = list(stub.PipeGenerate(iter([
        vertexd_pb2.PipeGenerateRequest(start={"defaults": much}),
        vertexd_pb2.PipeGenerateRequest(item={"prompt": "a b c"})]),
        timeout=30))
    assert verbs(emulator) == ["streamGenerateContent"] * 4
    text = whole(stub, "a b c").text
    assert batch.by_index[0].response.text == text
    assert mapped.results[0].response.text == text
    assert piped[0].result.response.text == text


SHAPES = {
    "words": (dict(words=300), {}),
    "many chunks": (dict(words=300, chunks=50), {}),
    "candidates": (dict(chunks=5), dict(
        generation_config={"candidate_count": 3})),
    "thoughts": (dict(chunks=5), dict(generation_config={
        "thinking_config": {"include_thoughts": True,
                            "thinking_budget": 20}})),
    "thoughts only": (dict(thought_only=1), {}),
    "function": (dict(function_call="f", chunks=3), {}),
    "cut": ({}, dict(generation_config={"max_output_tokens": 7})),
    "unsafe": (dict(finish="SAFETY", chunks=3), {}),
    "unknown fields": (dict(fault="unknown_fields", chunks=1), {}),
    "unknown enum": (dict(fault="unknown_enum", chunks=3), {}),
    "nul": (dict(fault="nul", chunks=1), {}),
    "no usage": (dict(fault="no_usage", chunks=3), {}),
    "json": (dict(chunks=9), dict(return_json=True)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_unary__over_the_streaming_call__same_answer(emulator, stub, shape):
    knobs, fields = SHAPES[shape]
    unary = whole(stub, knobs=knobs, stream_upstream=False, **fields)
    streamed = whole(stub, knobs=knobs, stream_upstream=True, **fields)
    assert verbs(emulator) == ["generateContent", "streamGenerateContent"]
    assert plain(streamed) == plain(unary)


@pytest.mark.parametrize("knobs, reason", [
    (dict(block="SAFETY"), "PROMPT_BLOCKED"),
    (dict(content="none", finish="SAFETY"), "ANSWER_BLOCKED"),
    (dict(empty=1), "ANSWER_EMPTY")])
def test_unary__over_the_streaming_call__same_failures(
        emulator, stub, knobs, reason):
    for streaming in (False, True):
        with fails("FAILED_PRECONDITION", reason):
            whole(stub, knobs=knobs, stream_upstream=streaming)


def test_unary__over_the_streaming_call__raw_is_an_array(emulator, stub):
    answer = whole(stub, knobs=dict(chunks=3), stream_upstream=True,
                   include_raw=True)
    chunks = json.loads(answer.raw_json)
    texts = [c["candidates"][0]["content"]["parts"][0]["text"] for c in chunks]
    assert len(chunks) == 3 and "".join(texts) == answer.text


BROKEN = ["sse_truncated", "no_finish", "sse_reset", "sse_error_raw",
          "sse_error_data"]


@pytest.mark.parametrize("fault", BROKEN)
def test_unary__stream_breaks__typed_failure(emulator, stub, fault):
    with fails("UNAVAILABLE") as failure:
        whole(stub, knobs=dict(fault=fault, chunks=4), stream_upstream=True)
    assert failure.domain == "vertexd" and failure.reason.isupper()


@pytest.mark.parametrize("fault", BROKEN)
def test_unary__stream_breaks_once__asked_again(emulator, patient, fault):
    answer = whole(patient, knobs=dict(fault=fault, chunks=4, fail_times=1,
                                    key=fault), stream_upstream=True)
    assert answer.text == whole(patient).text
    assert answer.serving.attempts == 2 and answer.serving.hops == 1


# --- hops


def check_hops(emulator, hops):
    """All requests are the same but for the token, which the first has not."""
    sent = bodies(emulator)
    tokens = [body.pop("continuationToken", None) for body in sent]
    assert len(sent) == hops and tokens[0] is None
    assert len(set(tokens)) == hops
    assert all(body == sent[0] for body in sent)


@pytest.mark.parametrize("streaming", [False, True])
def test_hops__unary__joined(emulator, stub, streaming):
    answer = whole(stub, knobs=dict(words=90, hops=3),
                   stream_upstream=streaming)
    check_hops(emulator, 3)
    assert answer.serving.hops == 3 and answer.serving.attempts == 3
    assert len(answer.candidates) == 1
    first = answer.candidates[0]
    assert len(first.content.parts) == 1 and not first.continuation_token
    assert first.finish_reason == gemini_pb2.Candidate.STOP
    emulator.reset()
    assert answer.text == whole(stub, knobs=dict(words=90)).text


def test_hops__stream__one_stream(emulator, stub):
    chunks = list(stub.StreamGenerate(Request(
        prompt=PROMPT + control(words=90, hops=3, chunks=4)), timeout=30))
    check_hops(emulator, 3)
    assert "".join(c.text for c in chunks) == whole(
        stub, knobs=dict(words=90)).text
    reasons = [c.finish_reason_text for c in chunks if c.finish_reason_text]
    assert set(reasons) == {"STOP"}
    assert not any(d.continuation_token for c in chunks for d in c.candidates)
    assert not any(d.finish_reason == CONTINUATION for c in chunks
                   for d in c.candidates)
    assert chunks[-1].serving.hops == 3


def test_hops__batch_map_and_pipe__joined(emulator, stub):
    prompts = [f"story {i} of the sea" for i in range(6)]
    knobs = control(words=60, hops=3)
    expected = [whole(stub, p, dict(words=60)).text for p in prompts]
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[p + knobs for p in prompts]), timeout=30))
    mapped = stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
        template="{item}" + knobs, items=prompts), timeout=30)
    piped = {e.result.index: e.result for e in stub.PipeGenerate(iter([
        vertexd_pb2.PipeGenerateRequest(start={}),
        *(vertexd_pb2.PipeGenerateRequest(item={"prompt": p + knobs})
          for p in prompts)]), timeout=30) if e.HasField("result")}
    for results in (batch.by_index, mapped.results, piped):
        got = [results[i] for i in range(len(prompts))]
        assert [r.response.text for r in got] == expected
        assert all(r.response.serving.hops == 3 for r in got)
        assert all(r.attempts == 3 for r in got)


def test_hops__first_has_thoughts_only__text_of_the_others(emulator, stub):
    config = {"thinking_config": {"include_thoughts": True,
                                  "thinking_budget": 20}}
    knobs = dict(words=40, hops=2, thought_hop=1)
    plain_text = whole(stub, knobs=dict(words=40)).text
    answer = whole(stub, knobs=knobs, generation_config=config)
    assert answer.text == plain_text and answer.serving.hops == 3
    assert [p.thought for p in answer.candidates[0].content.parts] == [
        True, False]
    chunks = list(stub.StreamGenerate(Request(
        prompt=PROMPT + control(**knobs), generation_config=config),
        timeout=30))
    assert "".join(c.text for c in chunks) == plain_text


def test_hops__max_tokens__counts_over_all(emulator, stub):
    config = {"max_output_tokens": 20}
    cut = whole(stub, knobs=dict(words=90), generation_config=config)
    emulator.reset()
    answer = whole(stub, knobs=dict(words=90, hop_tokens=6),
                   generation_config=config)
    check_hops(emulator, 4)
    assert cut.finish_reason_text == answer.finish_reason_text == "MAX_TOKENS"
    assert answer.text == cut.text
    assert answer.usage_metadata.candidates_token_count == 20


def test_hops__usage__summed(emulator, stub):
    knobs = dict(text="x" * 120, hop_tokens=10, chunks=2)
    one = whole(stub, knobs=dict(text="x" * 120)).usage_metadata
    answer = whole(stub, knobs=knobs)
    *_, last = stub.StreamGenerate(Request(prompt=PROMPT + control(**knobs)),
                                   timeout=30)
    assert answer.usage_metadata.prompt_token_count == \
        3 * one.prompt_token_count
    assert answer.usage_metadata.candidates_token_count == 30
    assert answer.usage_metadata.total_token_count == \
        3 * one.prompt_token_count + 30
    assert [d.token_count for d in
            answer.usage_metadata.prompt_tokens_details] == [
                3 * d.token_count for d in one.prompt_tokens_details]
    assert last.token_count == answer.token_count
    assert answer.token_count.completion_tokens == 30


def test_hops__stream__usage_of_the_last_chunk_is_the_sum(emulator, stub):
    knobs = control(text="x" * 120, hop_tokens=10, chunks=2)
    usage = [c.usage_metadata for c in stub.StreamGenerate(
        Request(prompt=PROMPT + knobs), timeout=30)
        if c.usage_metadata.candidates_token_count]
    counts = [u.candidates_token_count for u in usage]
    assert counts == sorted(counts) and counts[-1] == 30
    assert counts[0] == 10


def test_hops__json__over_the_whole(emulator, stub):
    schema = {"type": "object", "properties": {
        "name": {"type": "string"}, "kind": {"type": "string"}},
        "required": ["name", "kind"]}
    one = whole(stub, knobs={}, json_schema=schema)
    answer = whole(stub, knobs=dict(hops=3), json_schema=schema)
    assert answer.serving.hops > 1 and answer.json == one.json
    chunks = list(stub.StreamGenerate(Request(
        prompt=PROMPT + control(hops=3, chunks=2), json_schema=schema),
        timeout=30))
    assert chunks[-1].json == one.json


def test_hops__raw__an_array_of_the_hops(emulator, stub):
    answer = whole(stub, knobs=dict(words=40, hops=3), include_raw=True)
    hops = json.loads(answer.raw_json)
    assert [h["candidates"][0]["finishReason"] for h in hops] == [
        "CONTINUATION", "CONTINUATION", "STOP"]


def hop_text(tokens):
    return ("0123456789abcdef" * 1000)[:4 * tokens]


def test_hops__at_the_limit__whole_answer(emulator, stub):
    text = hop_text(HOPS_MAX)
    answer = whole(stub, knobs=dict(text=text, hop_tokens=1))
    assert answer.text == text and answer.serving.hops == HOPS_MAX
    assert answer.finish_reason_text == "STOP"


@pytest.mark.parametrize("streaming", [False, True])
def test_hops__past_the_limit__handed_out_with_its_token(
        emulator, stub, streaming):
    text = hop_text(HOPS_MAX + 1)
    request = Request(prompt=PROMPT + control(text=text, hop_tokens=1,
                                              chunks=1))
    if streaming:
        *chunks, end = stub.StreamGenerate(request, timeout=30)
        got = "".join(c.text for c in chunks)
        token = chunks[-1].candidates[0].continuation_token
        assert chunks[-1].candidates[0].finish_reason == CONTINUATION
    else:
        end = stub.Generate(request, timeout=30)
        got, token = end.text, end.candidates[0].continuation_token
    assert end.finish_reason_text == "CONTINUATION"
    assert end.serving.hops == HOPS_MAX and got == text[:4 * HOPS_MAX]
    request.continuation_token = token
    rest = stub.Generate(request, timeout=30)
    assert rest.text == text[4 * HOPS_MAX:]
    assert rest.finish_reason_text == "STOP"


# --- going on by hand


def test_continue_answer__off__token_handed_out(emulator, stub):
    request = Request(prompt=PROMPT + control(words=60, hops=3),
                      continue_answer=False)
    text = ""
    for hop in range(3):
        answer = stub.Generate(request, timeout=30)
        text += answer.text
        assert answer.serving.hops == 1
        request.continuation_token = \
            answer.candidates[0].continuation_token
        assert (answer.finish_reason_text == "CONTINUATION") == (hop < 2)
        assert bool(request.continuation_token) == (hop < 2)
    check_hops(emulator, 3)
    assert text == whole(stub, knobs=dict(words=60)).text


def test_continue_answer__off_in_a_stream__token_handed_out(emulator, stub):
    *chunks, last = stub.StreamGenerate(Request(
        prompt=PROMPT + control(words=60, hops=3, chunks=2),
        continue_answer=False), timeout=30)
    assert last.finish_reason_text == "CONTINUATION"
    assert chunks[-1].candidates[0].continuation_token
    assert emulator.stats()["requests"] == 1


def test_token__of_another_request__refused_upstream(emulator, stub):
    answer = stub.Generate(Request(prompt="one" + control(hops=2),
                                   continue_answer=False), timeout=30)
    token = answer.candidates[0].continuation_token
    assert base64.b64encode(token)
    with fails("INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT"):
        stub.Generate(Request(prompt="two" + control(hops=2),
                              continuation_token=token), timeout=30)


def test_token__in_defaults__refused(emulator, stub):
    with fails("INVALID_ARGUMENT", field="defaults.continuation_token"):
        list(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=["p"], defaults={"continuation_token": b"x"})))


# --- streams that break


@pytest.mark.parametrize("fault", ["sse_reset", "sse_truncated",
                                   "sse_error_raw", "sse_error_data"])
@pytest.mark.parametrize("streaming", [False, True])
def test_dropped__after_a_token__goes_on_there(
        emulator, stub, streaming, fault):
    knobs = dict(words=60, chunks=4, checkpoints=1, fault=fault, fail_times=1,
                 key=f"{fault}{streaming}")
    text = whole(stub, knobs=dict(words=60)).text
    if streaming:
        chunks = list(stub.StreamGenerate(Request(
            prompt=PROMPT + control(**knobs)), timeout=30))
        got, end = "".join(c.text for c in chunks), chunks[-1]
    else:
        end = whole(stub, knobs=knobs, stream_upstream=True)
        got = end.text
    assert got == text
    assert end.serving.attempts == 2 and end.serving.hops == 2


def test_dropped__again_and_again_with_progress__whole_answer(emulator, stub):
    chunks = list(stub.StreamGenerate(Request(prompt=PROMPT + control(
        words=400, chunks=3, checkpoints=1, fault="sse_truncated",
        fail_times=4, key="progress")), timeout=30))
    assert "".join(c.text for c in chunks) == whole(
        stub, knobs=dict(words=400)).text
    assert chunks[-1].serving.hops == 5


STALLING = dict(words=60, hops=2, fault="empty_200", fault_later=1)


def test_dropped__without_progress_at_the_limit__whole_answer(emulator, stub):
    chunks = list(stub.StreamGenerate(Request(prompt=PROMPT + control(
        fail_times=STALLED_MAX, key="three", **STALLING)), timeout=30))
    assert "".join(c.text for c in chunks) == whole(
        stub, knobs=dict(words=60)).text
    assert chunks[-1].serving.attempts == 2 + STALLED_MAX


def test_dropped__without_progress_past_the_limit__fails(emulator, stub):
    with fails("UNAVAILABLE", "UPSTREAM_TRUNCATED") as failure:
        list(stub.StreamGenerate(Request(prompt=PROMPT + control(
            fail_times=STALLED_MAX + 1, key="four", **STALLING)), timeout=30))
    assert failure.metadata["hops"] == "2"
    assert int(failure.metadata["tokens_received"]) > 0
    assert emulator.stats()["requests"] == 2 + STALLED_MAX


@pytest.mark.parametrize("knobs, hops", [
    (dict(chunks=4, checkpoints=2, fail_times=1), 2),
    (dict(chunks=8, checkpoints=3, fail_times=4), 5),
    (dict(chunks=4, checkpoints=2, fail_times=1, hops=2), 3)])
def test_dropped__content_behind_the_token__not_said_twice(
        emulator, stub, knobs, hops):
    chunks = list(stub.StreamGenerate(Request(prompt=PROMPT + control(
        words=300, fault="sse_truncated", key=f"beyond{hops}{len(knobs)}",
        **knobs)), timeout=30))
    assert "".join(c.text for c in chunks) == whole(
        stub, knobs=dict(words=300)).text
    assert chunks[-1].serving.hops == hops


def event(text, **candidate):
    return b"data: " + json.dumps({"candidates": [{"content": {
        "role": "model", "parts": [{"text": text}]},
        **candidate}]}).encode() + b"\r\n\r\n"


@pytest.mark.parametrize("behind", ["B", "other"])
def test_dropped__resumed_stream_says_something_else__fails(start, behind):
    """The upstream begins anew, so its first text is not what came last."""
    stream = [event("A", continuationToken="AAEC"), event(behind)]
    reply = Reply.stream(stream)
    with upstream({(MODEL, "streamGenerateContent"): reply}) as google:
        _, stub = start(base_url=google.url)
        got = []
        with fails("UNAVAILABLE", "UPSTREAM_TRUNCATED") as failure:
            for chunk in stub.StreamGenerate(Request(prompt="p"), timeout=30):
                got.append(chunk.text)
    assert got == ["A", behind]
    assert failure.metadata["hops"] == "2" and len(google.asked) == 2


def test_dropped__content_behind_the_token_of_one_message__asked_again(
        emulator, patient):
    answer = whole(patient, knobs=dict(
        words=60, chunks=4, checkpoints=2, fault="sse_truncated",
        fail_times=1, key="behind"), stream_upstream=True)
    assert answer.text == whole(patient, knobs=dict(words=60)).text
    assert answer.serving.hops == 1 and answer.serving.attempts == 2


# --- hops that fail


@pytest.mark.parametrize("streaming", [False, True])
def test_later_hop__fails_once__asked_again(emulator, patient, streaming):
    knobs = dict(words=60, hops=3, fault="http_503", fault_later=1,
                 fail_times=1, key=f"once{streaming}")
    request = Request(prompt=PROMPT + control(**knobs))
    if streaming:
        chunks = list(patient.StreamGenerate(request, timeout=30))
        text, serving = "".join(c.text for c in chunks), chunks[-1].serving
    else:
        answer = patient.Generate(request, timeout=30)
        text, serving = answer.text, answer.serving
    assert text == whole(patient, knobs=dict(words=60)).text
    assert serving.hops == 3 and serving.attempts == 4


@pytest.mark.parametrize("streaming", [False, True])
def test_later_hop__quota_beyond_patience__waits_nevertheless(
        start, emulator, streaming):
    """What came already is worth more than --throttle-wait."""
    _, stub = start("--throttle-wait", "0s")
    request = Request(prompt=PROMPT + control(
        words=60, hops=2, fault="http_429_retryinfo", retry_delay="1s",
        fault_later=1, fail_times=1, key=f"patience{streaming}"))
    if streaming:
        *chunks, end = stub.StreamGenerate(request, timeout=30)
        got = "".join(c.text for c in chunks) + end.text
    else:
        end = stub.Generate(request, timeout=30)
        got = end.text
    assert got and end.serving.hops == 2
    assert end.finish_reason_text == "STOP"
    assert emulator.stats()["requests"] == 3


@pytest.mark.parametrize("streaming", [False, True])
def test_later_hop__refused_for_quota__waits_for_its_turn(
        emulator, patient, streaming):
    request = Request(prompt=PROMPT + control(
        words=60, hops=3, fault="http_429", fault_later=1, fail_times=2,
        key=f"quota{streaming}"))
    if streaming:
        chunks = list(patient.StreamGenerate(request, timeout=30))
        text, serving = "".join(c.text for c in chunks), chunks[-1].serving
    else:
        answer = patient.Generate(request, timeout=30)
        text, serving = answer.text, answer.serving
    assert text == whole(patient, knobs=dict(words=60)).text
    assert serving.hops == 3 and serving.attempts == 3
    assert len(serving.failed_attempts) == 2


def test_later_hop__fails_with_other_places_there__stays(emulator, start):
    """A token is good only where it was given."""
    _, stub = start("--location", "here,there", "--base-url",
                    emulator.url)
    answer = whole(stub, knobs=dict(words=60, hops=3, fault="http_503",
                                    fault_later=1, fail_times=1, key="places"))
    assert answer.text == whole(stub, knobs=dict(words=60)).text
    paths = [r.raw["path"] for r in emulator.requests(4)]
    assert len({p.split("/locations/")[1].split("/")[0] for p in paths}) == 1
    assert answer.serving.attempts == 4


@pytest.mark.parametrize("streaming", [False, True])
def test_later_hop__fails_for_good__says_how_much_came(
        emulator, stub, streaming):
    request = Request(prompt=PROMPT + control(
        text=hop_text(40), hop_tokens=10, fault="http_400", fault_later=1))
    with fails("INVALID_ARGUMENT") as failure:
        if streaming:
            list(stub.StreamGenerate(request, timeout=30))
        else:
            stub.Generate(request, timeout=30)
    assert failure.metadata["hops"] == "2"
    assert failure.metadata["tokens_received"] == "10"


def test_later_hop__in_a_batch__that_items_error(emulator, stub):
    bad = control(words=60, hops=3, fault="http_400", fault_later=1)
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["good" + control(hops=3), "bad" + bad]), timeout=30))
    assert batch.codes == ["OK", "INVALID_ARGUMENT"]
    assert batch.by_index[1].error.metadata["hops"] == "2"


def test_hops__deadline__over_all(emulator, stub):
    with fails("DEADLINE_EXCEEDED") as failure:
        stub.Generate(Request(prompt=PROMPT + control(
            words=60, hops=40, latency="1s")), timeout=10)
    assert int(failure.metadata["hops"]) > 1
    assert emulator.stats()["requests"] < 40


def test_hops__cancelled_between__nothing_more_is_sent(emulator, stub):
    call = stub.StreamGenerate(Request(prompt=PROMPT + control(
        words=200, hops=40, chunks=1, latency="100ms")), timeout=30)
    for _ in range(3):
        next(call)
    call.cancel()
    eventually(lambda: emulator.stats()["in_flight"] == 0)
    sent = emulator.stats()["requests"]
    assert 3 <= sent < 40
    unary = stub.Generate.future(Request(prompt=PROMPT + control(
        words=200, hops=40, latency="100ms")), timeout=30)
    eventually(lambda: emulator.stats()["requests"] >= sent + 2)
    unary.cancel()
    eventually(lambda: emulator.stats()["in_flight"] == 0)
    assert emulator.stats()["requests"] < sent + 40


def test_hops__reader_stops__upstream_waits_in_later_hops_too(emulator, stub):
    hops = 40
    call = stub.StreamGenerate(Request(prompt=PROMPT + control(
        words=1000000, hops=hops, chunks=4)), timeout=120)
    next(call)
    time.sleep(1)  # all 40 would be over by then
    assert emulator.stats()["requests"] < hops
    text = sum(len(c.text) for c in call)
    assert text > 4000000
    assert emulator.stats()["requests"] == hops


@pytest.mark.parametrize("streaming", [False, True])
def test_hops__all_together_too_large__refused(emulator, start, streaming):
    _, stub = start("--max-response-bytes", "20KiB")
    text = hop_text(4000)
    small = Request(prompt="p" + control(text=text, hops=20, chunks=1))
    large = Request(prompt="p" + control(text=text + text, hops=20, chunks=1))

    def ask(request):
        if streaming:
            return "".join(c.text for c in stub.StreamGenerate(
                request, timeout=30))
        return stub.Generate(request, timeout=30).text

    assert ask(small) == text
    with fails("RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE") as failure:
        ask(large)
    assert int(failure.metadata["hops"]) > 1


# --- thought signatures

SIGNATURE = b"\xfb\xff\xfe\x01\x00\x7f"
URL_SAFE = "-__-AQB_"
STANDARD = "+//+AQB/"

PARTS = [
    {"text": "a"}, {"text": "thought", "thought": True},
    {"inlineData": {"mimeType": "image/png", "data": "AAEC"}},
    {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/o"}},
    {"functionCall": {"name": "f", "args": {"x": 1}}},
    {"functionResponse": {"name": "f", "response": {"y": 2}}},
    {"executableCode": {"language": "PYTHON", "code": "1"}},
    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
    {"text": ""},
]


def signed_answer(pieces):
    """A stream of one part each, all signed, with plain text around each."""
    events = []
    for place, part in enumerate(pieces):
        signed = dict(part, thoughtSignature=(URL_SAFE, STANDARD)[place % 2])
        for piece in ({"text": "<"}, signed, {"text": ">"}):
            events.append({"candidates": [{"content": {
                "role": "model", "parts": [piece]}}]})
    events[-1]["candidates"][0]["finishReason"] = "STOP"
    return [b"data: " + json.dumps(e).encode() + b"\r\n\r\n" for e in events]


@pytest.mark.parametrize("streaming", [False, True])
def test_signatures__parts_of_every_kind__unchanged_and_alone(
        start, streaming):
    reply = Reply.stream(signed_answer(PARTS))
    with upstream({(MODEL, "streamGenerateContent"): reply}) as google:
        _, stub = start(base_url=google.url)
        request = Request(prompt="p", stream_upstream=True)
        if streaming:
            parts = [p for c in stub.StreamGenerate(request, timeout=30)
                     for d in c.candidates for p in d.content.parts]
        else:
            answer = stub.Generate(request, timeout=30)
            parts = list(answer.candidates[0].content.parts)
    signed = [p for p in parts if p.thought_signature]
    assert len(signed) == len(PARTS)
    assert all(p.thought_signature == SIGNATURE for p in signed)
    assert [p.WhichOneof("data") for p in signed] == [
        "text", "text", "inline_data", "file_data", "function_call",
        "function_response", "executable_code", "code_execution_result",
        "text"]
    assert [p.text for p in signed if p.WhichOneof("data") == "text"] == [
        "a", "thought", ""]
    if not streaming:
        others = [p.text for p in parts if not p.thought_signature]
        assert others == ["<"] + ["><"] * (len(PARTS) - 1) + [">"]


def test_signatures__sent_back__unchanged(emulator, stub):
    turn = gemini_pb2.Content(role="model", parts=[
        {"text": "t", "thought_signature": SIGNATURE},
        {"function_call": {"name": "f"}, "thought_signature": SIGNATURE}])
    stub.Generate(Request(contents=[
        {"role": "user", "parts": [{"text": "hi"}]}, turn,
        {"role": "user", "parts": [{"text": "go on"}]}]), timeout=30)
    sent = bodies(emulator)[0]["contents"][1]["parts"]
    assert [base64.b64decode(p["thoughtSignature"]) for p in sent] == [
        SIGNATURE] * 2
