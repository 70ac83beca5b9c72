"""JSON answers: found in any text, held to their schema, asked for again."""

import json
import urllib.parse

import pytest
from google.protobuf import json_format, struct_pb2
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import Batch, fails
from harness import control

Request = vertexd_pb2.GenerateRequest
SCHEMA = json.dumps({
    "type": "object", "required": ["items"],
    "properties": {"items": {"type": "array", "items": {
        "type": "object", "properties": {"name": {"type": "string"},
                                         "size": {"$ref": "#/$defs/Size"}},
        "required": ["name"]}}},
    "$defs": {"Size": {"enum": ["S", "M", "L"]}}})
GOOD = '{"items":[{"name":"a","size":"M"}]}'
WRONG = '{"items":[{"name":"a"},{"name":7}]}'


def text(answer, **knobs):
    """The emulator answers with exactly that."""
    return control(text=urllib.parse.quote(answer, safe=""), **knobs)


def ask(answer, **fields):
    fields.setdefault("json_schema_text", SCHEMA)
    return Request(prompt="p" + text(answer), **fields)


def from_json(value):
    return json_format.ParseDict(value, struct_pb2.Value())


# --- finding -----------------------------------------------------------------

@pytest.mark.parametrize("knobs", [
    dict(prose=1), dict(fence=1), dict(prose=1, fence=1)])
def test_scan__prose_and_fences__the_value_alone(emulator, stub, knobs):
    answer = stub.Generate(Request(prompt="p" + control(**knobs),
                                   return_json=True))
    assert answer.text != answer.json
    assert json.loads(answer.json)["prompt"] == "p"


@pytest.mark.parametrize("said", [
    "use {x} like this: %s",
    "Some { text.\n\n```json\n%s\n```\nThat {} is all.",
    "~~~\n%s", "````yaml\n%s", "[note] %s [1]"])
def test_scan__texts_around__exact_text(emulator, stub, said):
    value = '{"a" : "}{\\"[", "b":[1.50, {}]}'
    answer = stub.Generate(ask(said % value, json_schema_text="",
                               return_json=True))
    assert answer.json == value


@pytest.mark.parametrize("said", [
    '{"items":[{"name":"a"},{"name"', "Sorry, no.", "{'items': [1]}",
    '```json\n{"items":[1,'])
def test_scan__broken_or_cut__no_inner_part_is_taken(emulator, stub, said):
    with fails("INTERNAL", "JSON_INVALID") as failure:
        stub.Generate(ask(said, json_schema_text="", return_json=True))
    assert failure.metadata["text"] == said


# --- checking ----------------------------------------------------------------

def test_check__answer_that_fits__passes(emulator, stub):
    answer = stub.Generate(ask(f"Here: {GOOD}."))
    assert answer.json == GOOD and not answer.serving.repaired


def expect_mismatch(failure):
    assert failure.metadata["json_path"] == "$.items[1].name"
    assert failure.metadata["expected"] == "string"
    assert failure.metadata["found"] == "integer"
    assert failure.metadata["text"] == WRONG
    assert failure.metadata["finish_reason"] == "STOP"
    assert "$.items[1].name: expected string, got integer" in failure.message


def test_check__answer_that_does_not__path_and_expectation(emulator, stub):
    with fails("INTERNAL", "JSON_SCHEMA_MISMATCH") as failure:
        stub.Generate(ask(WRONG))
    expect_mismatch(failure)
    assert emulator.stats()["requests"] == 1


def test_check__stream__error_after_its_chunks(emulator, stub):
    got = []
    with fails("INTERNAL", "JSON_SCHEMA_MISMATCH") as failure:
        for chunk in stub.StreamGenerate(ask(WRONG)):
            got.append(chunk.text)
    assert "".join(got) == WRONG
    expect_mismatch(failure)


def test_check__switched_off__answer_as_it_is(emulator, stub):
    assert stub.Generate(ask(WRONG, check_json=False)).json == WRONG
    with fails("INTERNAL", "JSON_INVALID"):
        stub.Generate(ask("none", check_json=False))


def test_check__open_api_form__held_to_as_well(emulator, stub):
    schema = json_format.ParseDict(
        {"type": "OBJECT", "properties": {
            "level": {"type": "INTEGER", "enum": ["1", "2"]},
            "note": {"type": "STRING", "nullable": True}}},
        struct_pb2.Struct())

    def generate(answer):
        return stub.Generate(ask(answer, json_schema_text="",
                                 json_schema=schema)).json
    assert generate('{"level":2,"note":null}') == '{"level":2,"note":null}'
    with fails("INTERNAL", "JSON_SCHEMA_MISMATCH") as failure:
        generate('{"level":3}')
    assert failure.metadata["json_path"] == "$.level"


CONFIGS = [
    dict(response_mime_type="application/json",
         response_schema=gemini_pb2.Schema(type=gemini_pb2.INTEGER)),
    dict(response_mime_type="application/json",
         response_json_schema=from_json({"type": "integer"})),
    dict(response_format=[gemini_pb2.ResponseFormat(
        text=gemini_pb2.TextResponseFormat(
            mime_type=gemini_pb2.TextResponseFormat.APPLICATION_JSON,
            schema=from_json({"type": "integer"})))]),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_check__schema_in_generation_config__only_where_asked(
        emulator, stub, config):
    config = gemini_pb2.GenerationConfig(**config)

    def generate(answer, **fields):
        return stub.Generate(ask(answer, json_schema_text="",
                                 generation_config=config, **fields))
    assert generate("7.5").json == ""
    assert generate("7.5", return_json=True).json == "7.5"
    assert generate("7", check_json=True).json == "7"
    with fails("INTERNAL", "JSON_SCHEMA_MISMATCH"):
        generate("7.5", check_json=True)


def test_check__batch_map_and_pipe__item_errors(emulator, stub):
    defaults = Request(json_schema_text=SCHEMA)
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + text(GOOD), "p" + text(WRONG), "p" + text("no")],
        defaults=defaults)))
    answer = stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
        template="p {item}", items=[text(GOOD), text(WRONG), text("no")],
        defaults=defaults))
    start = vertexd_pb2.PipeStart(defaults=defaults)
    start.options.order = vertexd_pb2.RESULT_ORDER_INPUT
    pipe = Batch(stub.PipeGenerate(iter(
        [vertexd_pb2.PipeGenerateRequest(start=start)] +
        [vertexd_pb2.PipeGenerateRequest(item=Request(prompt="p" + text(said)))
         for said in (GOOD, WRONG, "no")])))
    for results in (batch.by_index, answer.results, pipe.by_index):
        good, wrong, none = results
        assert good.response.json == GOOD
        assert wrong.error.reason == "JSON_SCHEMA_MISMATCH"
        assert wrong.error.metadata["json_path"] == "$.items[1].name"
        assert none.error.reason == "JSON_INVALID"


def test_check__endless_schema__too_costly(emulator, stub):
    with fails("RESOURCE_EXHAUSTED", "JSON_SCHEMA_TOO_COSTLY"):
        stub.Generate(ask("[[[1]]]", json_schema_text=json.dumps(
            {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})))


# --- response_format ---------------------------------------------------------

def formats(**text_format):
    return gemini_pb2.GenerationConfig(response_format=[
        gemini_pb2.ResponseFormat(
            text=gemini_pb2.TextResponseFormat(**text_format))])


def test_format__with_return_json__goes_as_it_is(emulator, stub):
    answer = stub.Generate(Request(
        prompt="p", return_json=True, generation_config=formats(
            mime_type=gemini_pb2.TextResponseFormat.APPLICATION_JSON)))
    json.loads(answer.json)
    assert emulator.requests()[0].body["generationConfig"] == {
        "responseFormat": [{"text": {"mimeType": "APPLICATION_JSON"}}]}


@pytest.mark.parametrize("fields, field", [
    (dict(return_json=True, generation_config=formats(
        mime_type=gemini_pb2.TextResponseFormat.TEXT_PLAIN)),
     "generation_config.response_format[0].text.mime_type"),
    (dict(json_schema_text=SCHEMA, generation_config=formats(
        mime_type=gemini_pb2.TextResponseFormat.APPLICATION_JSON,
        schema=from_json({"type": "object"}))),
     "generation_config.response_format[0].text.schema")])
def test_format__against_json__names_the_field(emulator, stub, fields, field):
    with fails("INVALID_ARGUMENT", field=field):
        stub.Generate(Request(prompt="p", **fields))
    assert emulator.stats()["requests"] == 0


# --- asking again ------------------------------------------------------------

def bodies(emulator):
    return [request.body for request in emulator.requests(5)]


@pytest.mark.parametrize("said, words", [
    (WRONG, "at $.items[1].name expected string, but got integer"),
    ("I would rather not.", "is not valid JSON")])
def test_repair__wrong_answer__model_is_told_and_asked_again(
        emulator, stub, said, words):
    answer = stub.Generate(ask(said, repair_json=True))
    assert json.loads(answer.json)["items"] is not None
    assert answer.serving.repaired and answer.serving.attempts == 2
    first, second = bodies(emulator)
    user, model, again = second["contents"]
    assert [user] == first["contents"]
    assert model == {"role": "model", "parts": [{"text": said}]}
    assert again["role"] == "user" and words in again["parts"][0]["text"]
    assert second["generationConfig"] == first["generationConfig"]


def test_repair__over_the_streaming_call__same(emulator, stub):
    answer = stub.Generate(ask(WRONG, repair_json=True, stream_upstream=True))
    assert json.loads(answer.json)["items"] is not None
    assert answer.serving.repaired
    assert all("streamGenerateContent" in request.path
               for request in emulator.requests(2))
    assert [len(body["contents"]) for body in bodies(emulator)] == [1, 3]


def test_repair__usage__is_that_of_both_calls(emulator, stub):
    once = stub.Generate(ask(WRONG, check_json=False)).token_count
    both = stub.Generate(ask(WRONG, repair_json=True))
    last = both.usage_metadata
    assert both.token_count.prompt_tokens == \
        once.prompt_tokens + last.prompt_token_count
    assert both.token_count.completion_tokens == \
        once.completion_tokens + last.candidates_token_count


def test_repair__contents_and_templates__keep_their_turns(emulator, stub):
    turns = [
        gemini_pb2.Content(role="user", parts=[gemini_pb2.Part(text="hello")]),
        gemini_pb2.Content(role="model", parts=[gemini_pb2.Part(text="yes?")]),
        gemini_pb2.Content(role="user", parts=[
            gemini_pb2.Part(text="p" + text(WRONG))])]
    stub.Generate(Request(contents=turns, json_schema_text=SCHEMA,
                          repair_json=True))
    first, second = bodies(emulator)
    assert second["contents"][:3] == first["contents"]
    assert [turn["role"] for turn in second["contents"]] == \
        ["user", "model", "user", "model", "user"]
    emulator.reset()
    answer = stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
        contents_template=turns[:2] + [gemini_pb2.Content(
            role="user", parts=[gemini_pb2.Part(text="p {item}")])],
        items=[text(WRONG)],
        defaults=Request(json_schema_text=SCHEMA, repair_json=True)))
    assert answer.results[0].response.serving.repaired
    assert answer.results[0].attempts == 2
    first, second = bodies(emulator)
    assert second["contents"][:3] == first["contents"]


def test_repair__second_answer_no_better__its_error_tells(emulator, stub):
    emulator.defaults(text=urllib.parse.quote(WRONG, safe=""))
    with fails("INTERNAL", "JSON_SCHEMA_MISMATCH") as failure:
        stub.Generate(Request(prompt="p", json_schema_text=SCHEMA,
                              repair_json=True))
    assert failure.metadata["repaired"] == "true"
    assert emulator.stats()["requests"] == 2


def test_repair__second_call_fails_once__is_made_again(emulator, retrying):
    emulator.defaults(fault="http_503", fail_times=1, key="mend")
    answer = retrying.Generate(Request(
        prompt="p" + text(WRONG, fault="none"), json_schema_text=SCHEMA,
        repair_json=True))
    assert answer.serving.repaired and answer.serving.attempts == 3
    assert [len(body["contents"]) for body in bodies(emulator)] == [1, 3, 3]


def test_repair__second_call_fails_for_good__its_own_error(emulator, stub):
    emulator.defaults(fault="http_400")
    with fails("INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT"):
        stub.Generate(Request(
            prompt="p" + text(WRONG, fault="none"), json_schema_text=SCHEMA,
            repair_json=True))


@pytest.mark.parametrize("knobs, code, reason", [
    (dict(invalid_json=1, finish="MAX_TOKENS"), "INTERNAL", "JSON_INVALID"),
    (dict(block="SAFETY"), "FAILED_PRECONDITION", "PROMPT_BLOCKED"),
    (dict(content="none"), "FAILED_PRECONDITION", "ANSWER_EMPTY")])
def test_repair__cut_blocked_or_empty__not_asked_again(
        emulator, stub, knobs, code, reason):
    with fails(code, reason) as failure:
        stub.Generate(Request(prompt="p" + control(**knobs), return_json=True,
                              repair_json=True))
    assert "repaired" not in failure.metadata
    assert emulator.stats()["requests"] == 1


def test_repair__good_answer__one_call(emulator, stub):
    answer = stub.Generate(ask(GOOD, repair_json=True))
    assert answer.json == GOOD and not answer.serving.repaired
    assert emulator.stats()["requests"] == 1


def test_repair__stream__is_refused(emulator, stub):
    with fails("INVALID_ARGUMENT", field="repair_json"):
        list(stub.StreamGenerate(ask(GOOD, repair_json=True)))
    assert emulator.stats()["requests"] == 0


def test_repair__batch__each_item_that_needs_it(emulator, stub):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + text(said) for said in (GOOD, WRONG) * 10],
        defaults=Request(json_schema_text=SCHEMA, repair_json=True))))
    assert batch.summary.succeeded == 20
    for result in batch.by_index:
        assert result.response.serving.repaired == (result.index % 2 == 1)
        assert result.attempts == 1 + result.index % 2
    assert emulator.stats()["requests"] == 30


def test_repair__time_is_over_meanwhile__deadline(emulator, stub):
    emulator.defaults(latency="400ms", text=urllib.parse.quote(WRONG, safe=""))
    with fails("DEADLINE_EXCEEDED"):
        stub.Generate(Request(prompt="p", json_schema_text=SCHEMA,
                              repair_json=True), timeout=0.7)
