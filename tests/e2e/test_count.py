"""CountTokens: tokens of a prompt, without generating."""

import pytest
from vertexd.v1 import gemini_pb2, vertexd_pb2

from calls import fails
from harness import MODEL, control

Request = vertexd_pb2.CountTokensRequest


def test_count__prompt__tokens_without_generating(emulator, stub):
    answer = stub.CountTokens(Request(prompt="How many tokens are these?"))
    assert answer.total_tokens > 0
    assert answer.prompt_tokens_details[0].modality == gemini_pb2.TEXT
    request = emulator.only_request()
    assert request.path.split("?")[0].endswith(f"/{MODEL}:countTokens")
    assert set(request.body) == {"contents"}


def test_count__contents_and_settings__go_upstream(emulator, stub):
    text = gemini_pb2.Content(role="user",
                              parts=[gemini_pb2.Part(text="count me")])
    stub.CountTokens(Request(
        model="m2", contents=[text], system_instruction=text,
        generation_config=gemini_pb2.GenerationConfig(temperature=0)))
    request = emulator.only_request()
    assert "/m2:" in request.path
    assert set(request.body) == {"contents", "systemInstruction",
                                 "generationConfig"}


@pytest.mark.parametrize("model, expected", [
    ("", "models/from-endpoint"), ("own", "models/own")])
def test_count__endpoint__is_read_where_model_is_unset(
        emulator, stub, model, expected):
    stub.CountTokens(Request(
        prompt="p", model=model, endpoint="projects/e2e/locations/global/"
        "publishers/google/models/from-endpoint"))
    request = emulator.only_request()
    assert request.path.split("?")[0].endswith(f"/{expected}:countTokens")
    assert set(request.body) == {"contents"}


def test_count__longer_prompt__more_tokens(emulator, stub):
    counts = [stub.CountTokens(Request(prompt="word " * n)).total_tokens
              for n in (1, 10, 100)]
    assert counts == sorted(set(counts))


def test_count__agrees_with__what_generating_reports(emulator, stub):
    count = stub.CountTokens(Request(prompt="the same prompt")).total_tokens
    answer = stub.Generate(
        vertexd_pb2.GenerateRequest(prompt="the same prompt"))
    assert answer.token_count.prompt_tokens == count


@pytest.mark.parametrize("request_, field", [
    (Request(), "prompt"),
    (Request(prompt="p", contents=[gemini_pb2.Content()]), "prompt"),
    (Request(prompt="p", model="a b"), "model")])
def test_count__wrong_request__is_named_and_costs_nothing(
        emulator, stub, request_, field):
    with fails("INVALID_ARGUMENT", field=field):
        stub.CountTokens(request_)
    assert emulator.stats()["requests"] == 0


def test_count__refused_upstream__is_mapped(emulator, stub):
    with fails("RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED"):
        stub.CountTokens(Request(prompt="p" + control(fault="http_429")))
