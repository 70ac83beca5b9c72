"""Generate: the simple call, what goes upstream, and what may not be asked."""

import json

import pytest
from google.protobuf import json_format, struct_pb2
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import fails
from harness import MODEL, control

Request = vertexd_pb2.GenerateRequest


def struct(value):
    return json_format.ParseDict(value, struct_pb2.Struct())


def test_simple_call__prompt_alone__text_answers_it(emulator, stub):
    answer = stub.Generate(Request(prompt="What is quantum computing?"),
                           timeout=30)
    assert '"What is quantum computing?"' in answer.text
    assert answer.finish_reason_text == "STOP"
    assert answer.candidates[0].finish_reason == \
        gemini_pb2.Candidate.FinishReason.STOP
    assert answer.candidates[0].content.parts[0].text == answer.text
    assert answer.usage_metadata.total_token_count > 0
    assert answer.model_version and answer.response_id
    assert answer.create_time.seconds > 0


def test_prompt__short_for__one_user_turn_with_one_text(emulator, stub):
    stub.Generate(Request(prompt="short"))
    assert emulator.only_request().body == {
        "contents": [{"role": "user", "parts": [{"text": "short"}]}]}


def test_contents__conversation__goes_upstream_as_it_is(emulator, stub):
    turns = [
        gemini_pb2.Content(role="user", parts=[
            gemini_pb2.Part(text="look: "),
            gemini_pb2.Part(inline_data=gemini_pb2.Blob(
                mime_type="image/png", data=b"\xff\xfe\x01"))]),
        gemini_pb2.Content(role="model", parts=[
            gemini_pb2.Part(text="seen", thought_signature=b"\x00\x01")]),
        gemini_pb2.Content(role="user", parts=[
            gemini_pb2.Part(file_data=gemini_pb2.FileData(
                mime_type="application/pdf", file_uri="gs://b/o.pdf")),
            gemini_pb2.Part(text="and now?")])]
    answer = stub.Generate(Request(contents=turns))
    sent = emulator.only_request().body["contents"]
    assert sent[0]["parts"][1] == {
        "inlineData": {"mimeType": "image/png", "data": "//4B"}}
    assert sent[1] == {"role": "model", "parts": [
        {"text": "seen", "thoughtSignature": "AAE="}]}
    assert sent[2]["parts"][0]["fileData"]["fileUri"] == "gs://b/o.pdf"
    assert "and now?" in answer.text


def test_own_fields__100_to_999__never_go_upstream(emulator, stub):
    stub.Generate(Request(prompt="p", id="mine", include_raw=True,
                          count_tokens=True, return_json=True,
                          extra_body=struct({"labels": {"a": "b"}})))
    body = emulator.only_request().body
    assert set(body) == {"contents", "generationConfig", "labels"}
    assert body["generationConfig"] == {
        "responseMimeType": "application/json"}


def test_wire_compatible__bytes_of_googles_message__are_understood(
        emulator, channel):
    # GenerateContentRequest by Google's numbers: model = 5, contents = 2.
    part = b"\x0a\x02hi"                         # Part.text = 1
    content = b"\x0a\x04user\x12" + bytes([len(part)]) + part
    model = MODEL.encode()
    request = (b"\x12" + bytes([len(content)]) + content +
               b"\x2a" + bytes([len(model)]) + model)
    call = channel.unary_unary("/vertexd.v1.GenerationService/Generate")
    answer = vertexd_pb2.GenerateResponse.FromString(call(request))
    assert '"hi"' in answer.candidates[0].content.parts[0].text


def test_settings__all_kinds_of_field__take_googles_json_form(emulator, stub):
    config = gemini_pb2.GenerationConfig(
        temperature=0, top_p=0.7, top_k=40, candidate_count=1, seed=-3,
        max_output_tokens=100, stop_sequences=["END"],
        response_modalities=[gemini_pb2.GenerationConfig.Modality.TEXT],
        thinking_config=gemini_pb2.GenerationConfig.ThinkingConfig(
            thinking_budget=0, include_thoughts=False))
    stub.Generate(Request(
        prompt="p", generation_config=config, labels={"team": "a"},
        system_instruction=gemini_pb2.Content(
            parts=[gemini_pb2.Part(text="be brief")]),
        safety_settings=[gemini_pb2.SafetySetting(
            category=gemini_pb2.HARM_CATEGORY_HARASSMENT,
            threshold=gemini_pb2.SafetySetting.OFF)],
        tools=[gemini_pb2.Tool(function_declarations=[
            gemini_pb2.FunctionDeclaration(
                name="f", parameters=gemini_pb2.Schema(
                    type=gemini_pb2.OBJECT, max_properties=7))])]))
    body = emulator.only_request().body
    assert body["generationConfig"] == {
        "temperature": 0, "topP": 0.7, "topK": 40, "candidateCount": 1,
        "seed": -3, "maxOutputTokens": 100, "stopSequences": ["END"],
        "responseModalities": ["TEXT"],
        "thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}}
    assert body["labels"] == {"team": "a"}
    assert body["systemInstruction"]["parts"] == [{"text": "be brief"}]
    assert body["safetySettings"] == [
        {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}]
    assert body["tools"][0]["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT", "maxProperties": "7"}


@pytest.mark.parametrize("model, path", [
    ("m1", "projects/e2e/locations/global/publishers/google/models/m1"),
    ("acme/m1", "projects/e2e/locations/global/publishers/acme/models/m1"),
    ("publishers/acme/models/m1",
     "projects/e2e/locations/global/publishers/acme/models/m1"),
    ("projects/e2e/locations/us-east1/endpoints/77",
     "projects/e2e/locations/us-east1/endpoints/77"),
    ("projects/e2e/locations/global/publishers/google/models/m@1.5",
     "projects/e2e/locations/global/publishers/google/models/m@1.5"),
])
def test_model__every_form__makes_the_path(emulator, stub, model, path):
    stub.Generate(Request(model=model, prompt="p"))
    request = emulator.only_request()
    assert request.path.split("?")[0].endswith(
        f"/v1/{path}:generateContent")
    assert "model" not in request.body


@pytest.mark.parametrize("model", [
    "../x", "a b", "a?b", "a&b", "a%2fb", "a//b", "http://evil/x", "m\n",
    "projects/other/locations/global/publishers/google/models/m", "x" * 600])
def test_model__what_could_steer_the_credential__is_refused(
        emulator, stub, model):
    with fails("INVALID_ARGUMENT", field="model"):
        stub.Generate(Request(model=model, prompt="p"))
    assert emulator.stats()["requests"] == 0


def test_model__unset_without_a_default__is_refused(emulator, start):
    _, stub = start("--base-url", emulator.url, "--project", "e2e",
                    "--api-key", "k", plain=True)
    with fails("INVALID_ARGUMENT", field="model"):
        stub.Generate(Request(prompt="p"))
    stub.Generate(Request(prompt="p", model="named"))


@pytest.mark.parametrize("request_, field", [
    (Request(), "prompt"),
    (Request(model="m"), "prompt"),
    (Request(prompt="p", contents=[gemini_pb2.Content(
        parts=[gemini_pb2.Part(text="q")])]), "prompt"),
    (Request(prompt="p", json_schema=struct({"type": "OBJECT"}),
             json_schema_text='{"type":"OBJECT"}'), "json_schema_text"),
    (Request(prompt="p", json_schema_text="{"), "json_schema_text"),
    (Request(prompt="p", json_schema_text="[1]"), "json_schema_text"),
    (Request(prompt="p", json_schema=struct({"type": "OBJECT"}),
             generation_config=gemini_pb2.GenerationConfig(
                 response_schema=gemini_pb2.Schema(type=gemini_pb2.OBJECT))),
     None),
    (Request(prompt="p", json_schema=struct({"type": "object"}),
             generation_config=gemini_pb2.GenerationConfig(
                 response_json_schema=struct_pb2.Value(
                     struct_value=struct({"type": "object"})))), None),
    (Request(prompt="p", json_schema=struct({"type": "OBJECT", "properties": {
        "a": {"type": "string"}}})), "json_schema"),
    (Request(prompt="p", json_schema=struct({"type": "OBJECT"}),
             return_json=False), "return_json"),
    (Request(contents=[gemini_pb2.Content(role="user")]), None),
    (Request(prompt="p", id="x" * 513), "id"),
], ids=lambda v: None if isinstance(v, Request) else str(v))
def test_wrong_request__each_kind__is_named_and_costs_nothing(
        emulator, stub, request_, field):
    with fails("INVALID_ARGUMENT", field=field) as failure:
        stub.Generate(request_)
    assert failure.domain == "vertexd"
    assert emulator.stats()["requests"] == 0


def test_id__at_its_limit__is_echoed(emulator, stub):
    answer = stub.Generate(Request(prompt="p", id="x" * 512))
    assert answer.id == "x" * 512


def test_enum__number_without_a_name__is_refused(emulator, stub):
    request = Request(prompt="p", safety_settings=[
        gemini_pb2.SafetySetting(category=99, threshold=1)])
    with fails("INVALID_ARGUMENT",
               field="safety_settings[0].category"):
        stub.Generate(request)
    assert emulator.stats()["requests"] == 0


def test_nul__in_a_request__is_refused(emulator, stub):
    with fails("INVALID_ARGUMENT"):
        stub.Generate(Request(prompt="a\0b"))
    assert emulator.stats()["requests"] == 0


def test_nul__in_an_answer__becomes_the_replacement_character(
        emulator, stub):
    answer = stub.Generate(Request(prompt="p" + control(fault="nul")))
    assert "\ufffd" in answer.text and "\0" not in answer.text
    assert answer.serving.nul_replaced >= 1


def test_extra_body__deep_merged_last__wins(emulator, stub):
    stub.Generate(Request(
        prompt="p", labels={"a": "1"},
        generation_config=gemini_pb2.GenerationConfig(
            temperature=0.5, max_output_tokens=9),
        extra_body=struct({"generationConfig": {"temperature": 1,
                                                "enableAffectiveDialog": True},
                           "labels": {"b": "2"}})))
    body = emulator.only_request().body
    assert body["generationConfig"] == {
        "temperature": 1, "maxOutputTokens": 9, "enableAffectiveDialog": True}
    assert body["labels"] == {"a": "1", "b": "2"}


def test_extra_body__unknown_field__is_the_upstreams_error(emulator, stub):
    with fails("INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT") as failure:
        stub.Generate(Request(prompt="p",
                              extra_body=struct({"noSuchField": 1})))
    assert "noSuchField" in failure.message


def test_extra_body__bad_base64__is_the_upstreams_error(emulator, stub):
    parts = [{"inlineData": {"mimeType": "image/png", "data": "***"}}]
    with fails("INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT"):
        stub.Generate(Request(prompt="p", extra_body=struct(
            {"contents": [{"role": "user", "parts": parts}]})))


def test_include_raw__the_upstreams_own_json(emulator, stub):
    answer = stub.Generate(Request(prompt="p", include_raw=True))
    raw = json.loads(answer.raw_json)
    assert raw["candidates"][0]["content"]["parts"][0]["text"] == answer.text
    assert stub.Generate(Request(prompt="p")).raw_json == ""


def test_unrecognized__unknown_fields__are_listed_and_harmless(
        emulator, stub):
    answer = stub.Generate(Request(
        prompt="p" + control(fault="unknown_fields")))
    assert '"p"' in answer.text
    assert answer.unrecognized
    for unknown in answer.unrecognized:
        assert unknown.path
        json.loads(unknown.json)


def test_unrecognized__unknown_finish_reason__enum_stays_zero(
        emulator, stub):
    answer = stub.Generate(Request(
        prompt="p" + control(fault="unknown_enum")))
    paths = [u.path for u in answer.unrecognized]
    assert any(p.endswith("finishReason") for p in paths)
    assert answer.candidates[0].finish_reason == 0
    assert answer.finish_reason_text not in ("", "STOP")


def test_finish_reason__that_only_rest_has__has_a_number(emulator, stub):
    answer = stub.Generate(Request(
        prompt="p" + control(finish="IMAGE_RECITATION")))
    assert answer.finish_reason_text == "IMAGE_RECITATION"
    assert answer.candidates[0].finish_reason == \
        gemini_pb2.Candidate.IMAGE_RECITATION
    assert not answer.unrecognized


def test_serving__says_how_it_was_served(emulator, stub):
    answer = stub.Generate(Request(prompt="p" + control(latency="50ms")))
    assert answer.serving.target
    assert answer.serving.attempts == 1
    assert answer.serving.upstream_time.ToMilliseconds() >= 50
    assert answer.serving.queue_time.ToMilliseconds() < 5000


def test_answer__nested_deeper_than_parsers_take__is_an_error(
        emulator, stub):
    with fails("INTERNAL", "UPSTREAM_MALFORMED"):
        stub.Generate(Request(
            prompt="p" + control(fault="deep", depth=1000)))


def test_large_prompt__of_five_mebibytes__passes(emulator, stub):
    answer = stub.Generate(Request(prompt="word " * (1 << 20)))
    assert answer.token_count.prompt_tokens > 1000


def test_large_answer__over_four_mebibytes__generate_has_no_limit(
        emulator, start):
    _, stub = start()
    answer = stub.Generate(Request(
        prompt="internationalization" + control(words=400_000)))
    assert len(answer.text) > 4 << 20


@pytest.mark.parametrize("text", [
    "Grüße, 世界 🌍", 'quotes " and \\ and /', "line\nbreak\ttab\x01\x7f",
    "\u2028\u2029\ufeff"])
def test_text__any_unicode__arrives_unchanged_upstream(emulator, stub, text):
    answer = stub.Generate(Request(prompt=text))
    assert emulator.only_request().prompt == text
    assert text in answer.text
