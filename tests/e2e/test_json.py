"""JSON answers, token counts, and the rule for empty answers."""

import json

import pytest
from google.protobuf import json_format, struct_pb2
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import Batch, fails
from harness import control

Request = vertexd_pb2.GenerateRequest
OPEN_API = {"type": "OBJECT", "properties": {"name": {"type": "STRING"},
                                             "year": {"type": "INTEGER"}},
            "required": ["name", "year"]}
JSON_SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}},
               "required": ["name"]}


def struct(value):
    return json_format.ParseDict(value, struct_pb2.Struct())


def config_of(emulator):
    return emulator.requests()[0].body["generationConfig"]


def test_json__return_json_alone__is_plain_json_mode(emulator, stub):
    answer = stub.Generate(Request(prompt="p", return_json=True))
    assert json.loads(answer.json)["prompt"] == "p"
    assert config_of(emulator) == {"responseMimeType": "application/json"}


def test_json__not_asked_for__is_empty(emulator, stub):
    assert stub.Generate(Request(prompt="p")).json == ""


def test_json__upper_case_types__go_to_response_schema(emulator, stub):
    answer = stub.Generate(Request(prompt="p", json_schema=struct(OPEN_API)))
    value = json.loads(answer.json)
    assert isinstance(value["name"], str) and isinstance(value["year"], int)
    config = config_of(emulator)
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"] == OPEN_API
    assert "responseJsonSchema" not in config


def test_json__lower_case_types__go_to_response_json_schema(emulator, stub):
    answer = stub.Generate(Request(prompt="p",
                                   json_schema=struct(JSON_SCHEMA)))
    assert isinstance(json.loads(answer.json)["name"], str)
    config = config_of(emulator)
    assert config["responseJsonSchema"] == JSON_SCHEMA
    assert "responseSchema" not in config


@pytest.mark.parametrize("field", ["json_schema_text", "extra_body"])
def test_json__over_16_mib__is_refused_and_not_sent(emulator, stub, field):
    request = Request(prompt="p")
    if field == "extra_body":
        request.extra_body.update({"a": "x" * (16 << 20)})
    else:
        request.json_schema_text = '{"description":"%s"}' % ("x" * (16 << 20))
    with fails("INVALID_ARGUMENT", "INVALID_FIELD", field):
        stub.Generate(request)
    assert not emulator.requests()


def test_json__schema_text__keeps_the_order_of_properties(emulator, stub):
    text = ('{"type":"object","properties":{"zebra":{"type":"string"},'
            '"ant":{"type":"string"},"mole":{"type":"string"}}}')
    stub.Generate(Request(prompt="p", json_schema_text=text))
    schema = config_of(emulator)["responseJsonSchema"]
    assert list(schema["properties"]) == ["zebra", "ant", "mole"]


def test_json__schema_in_generation_config__is_used(emulator, stub):
    answer = stub.Generate(Request(
        prompt="p", return_json=True,
        generation_config=gemini_pb2.GenerationConfig(
            response_schema=gemini_pb2.Schema(
                type=gemini_pb2.OBJECT, required=["a"],
                properties={"a": gemini_pb2.Schema(
                    type=gemini_pb2.INTEGER)}))))
    assert isinstance(json.loads(answer.json)["a"], int)
    assert config_of(emulator)["responseMimeType"] == "application/json"


def test_json__fence_around_the_value__is_stripped(emulator, stub):
    answer = stub.Generate(Request(prompt="p" + control(fence=1),
                                   return_json=True))
    assert "```" in answer.text
    assert answer.json.startswith("{") and answer.json.endswith("}")
    json.loads(answer.json)


def test_json__exact_text__is_not_rewritten(emulator, stub):
    emulator.defaults(text='{"b":1.50,  "a":[1e3,"\u00e9"]}')
    answer = stub.Generate(Request(prompt="p", return_json=True))
    assert answer.json == '{"b":1.50,  "a":[1e3,"\u00e9"]}'


def test_json__answer_without_json__is_an_error_with_its_text(
        emulator, stub):
    emulator.defaults(text="no JSON at all")
    with fails("INTERNAL", "JSON_INVALID") as failure:
        stub.Generate(Request(prompt="p", return_json=True))
    assert "no JSON at all" in failure.metadata.values()
    assert "STOP" in failure.metadata.values()


def test_json__cut_by_max_tokens__error_says_so(emulator, stub):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(invalid_json=1, finish="MAX_TOKENS")],
        defaults=Request(return_json=True))))
    error = batch.results[0].error
    assert error.code == vertexd_pb2.Error.INTERNAL
    assert error.reason == "JSON_INVALID"
    assert error.finish_reason == "MAX_TOKENS"


def test_json__failure_text__is_cut_at_a_limit(emulator, stub):
    with fails("INTERNAL", "JSON_INVALID") as failure:
        stub.Generate(Request(
            prompt="p" * 300 + control(invalid_json=1, words=3000),
            return_json=True))
    assert max(map(len, failure.metadata.values())) <= 1000


def test_json__stream__value_and_counts_come_in_the_last_message(
        emulator, stub):
    chunks = list(stub.StreamGenerate(Request(
        prompt="p" + control(chunks=5), json_schema=struct(OPEN_API))))
    assert len(chunks) > 1
    assert all(not c.json and not c.HasField("token_count")
               for c in chunks[:-1])
    assert json.loads(chunks[-1].json) == \
        json.loads("".join(c.text for c in chunks))
    assert chunks[-1].token_count.total_tokens > 0


def test_json__stream_without_json__fails_at_its_end(emulator, stub):
    emulator.defaults(text="no_JSON")
    got = []
    with fails("INTERNAL", "JSON_INVALID"):
        for chunk in stub.StreamGenerate(Request(prompt="p",
                                                 return_json=True)):
            got.append(chunk.text)
    assert "".join(got) == "no_JSON"


def test_token_count__from_usage__completion_includes_thoughts(
        emulator, stub):
    answer = stub.Generate(Request(
        prompt="p", generation_config=gemini_pb2.GenerationConfig(
            thinking_config=gemini_pb2.GenerationConfig.ThinkingConfig(
                thinking_budget=24))))
    usage, count = answer.usage_metadata, answer.token_count
    assert usage.thoughts_token_count > 0
    assert count.prompt_tokens == usage.prompt_token_count
    assert count.completion_tokens == \
        usage.candidates_token_count + usage.thoughts_token_count
    assert count.total_tokens == usage.total_token_count
    assert emulator.stats()["requests"] == 1


def test_token_count__usage_missing__one_extra_call_where_asked(
        emulator, stub):
    answer = stub.Generate(Request(prompt="p" + control(fault="no_usage"),
                                   count_tokens=True))
    assert answer.token_count.prompt_tokens > 0
    assert [r.path.rsplit(":")[-1] for r in emulator.requests(5)] == \
        ["generateContent", "countTokens"]


def test_token_count__usage_missing__unset_where_not_asked(emulator, stub):
    answer = stub.Generate(Request(prompt="p" + control(fault="no_usage")))
    assert not answer.HasField("token_count")
    assert emulator.stats()["requests"] == 1


def test_token_count__stream__comes_last_even_if_counted_apart(
        emulator, stub):
    chunks = list(stub.StreamGenerate(Request(
        prompt="p" + control(fault="no_usage"), count_tokens=True)))
    assert not any(c.HasField("token_count") for c in chunks[:-1])
    assert chunks[-1].token_count.prompt_tokens > 0


EMPTY = [
    (dict(block="SAFETY"), "PROMPT_BLOCKED", "SAFETY"),
    (dict(block="PROHIBITED_CONTENT"), "PROMPT_BLOCKED",
     "PROHIBITED_CONTENT"),
    (dict(content="none", finish="SAFETY"), "ANSWER_BLOCKED", "SAFETY"),
    (dict(content="none", finish="RECITATION"), "ANSWER_BLOCKED",
     "RECITATION"),
    (dict(content="none", finish="MAX_TOKENS"), "ANSWER_EMPTY",
     "MAX_TOKENS"),
    (dict(content="none"), "ANSWER_EMPTY", "STOP"),
    (dict(empty=1), "ANSWER_EMPTY", "STOP"),
]


@pytest.mark.parametrize("knobs, reason, said", EMPTY)
def test_empty_answer__generate__is_not_a_success(
        emulator, stub, knobs, reason, said):
    with fails("FAILED_PRECONDITION", reason) as failure:
        stub.Generate(Request(prompt="p" + control(**knobs)))
    assert said in failure.metadata.values()
    assert any("token" in key for key in failure.metadata)


@pytest.mark.parametrize("knobs, reason, said", EMPTY)
def test_empty_answer__stream__is_not_a_success(
        emulator, stub, knobs, reason, said):
    with fails("FAILED_PRECONDITION", reason) as failure:
        list(stub.StreamGenerate(Request(prompt="p" + control(**knobs))))
    assert said in failure.metadata.values()


def test_empty_answer__batch_and_map__same_rule(emulator, stub):
    items = [control(**knobs) for knobs, _, _ in EMPTY]
    reasons = [reason for _, reason, _ in EMPTY]
    said = [said for _, _, said in EMPTY]
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + item for item in items])))
    answer = stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
        template="p {item}", items=items))
    for results in (batch.by_index, answer.results):
        assert [r.error.reason for r in results] == reasons
        for result, word in zip(results, said):
            assert word in (result.error.finish_reason,
                            *result.error.metadata.values())


@pytest.mark.parametrize("knobs", [
    dict(function_call="look_up"), dict(thought_only=1)])
def test_empty_answer__function_call_or_thought__is_content(
        emulator, stub, knobs):
    answer = stub.Generate(Request(prompt="p" + control(**knobs)))
    assert answer.text == ""
    assert answer.candidates[0].content.parts


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "SAFETY", "RECITATION"])
def test_cut_content__is_ok_with_its_finish_reason(emulator, stub, finish):
    answer = stub.Generate(Request(prompt="p" + control(finish=finish)))
    assert answer.text and answer.finish_reason_text == finish


def test_text__thoughts__are_left_out(emulator, stub):
    answer = stub.Generate(Request(
        prompt="p", generation_config=gemini_pb2.GenerationConfig(
            thinking_config=gemini_pb2.GenerationConfig.ThinkingConfig(
                include_thoughts=True, thinking_budget=50))))
    parts = answer.candidates[0].content.parts
    assert any(p.thought for p in parts)
    assert answer.text == "".join(p.text for p in parts if not p.thought)
