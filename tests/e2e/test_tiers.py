"""Tiers and labels: what is asked for, what is sent, what served."""

import pytest
from vertexd.v1 import vertexd_pb2

from calls import Batch, fails
from harness import control

Request = vertexd_pb2.GenerateRequest
Usage = vertexd_pb2.GenerateResponse.UsageMetadata
TYPE = "x-vertex-ai-llm-request-type"
SHARED = "x-vertex-ai-llm-shared-request-type"

TIERS = [
    ("REQUEST_TIER_UNSPECIFIED", None, None, "ON_DEMAND"),
    ("REQUEST_TIER_STANDARD", None, None, "ON_DEMAND"),
    ("REQUEST_TIER_DEDICATED", "dedicated", None, "PROVISIONED_THROUGHPUT"),
    ("REQUEST_TIER_SHARED", "shared", None, "ON_DEMAND"),
    ("REQUEST_TIER_PRIORITY", None, "priority", "ON_DEMAND_PRIORITY"),
    ("REQUEST_TIER_FLEX", None, "flex", "ON_DEMAND_FLEX"),
    ("REQUEST_TIER_SHARED_PRIORITY", "shared", "priority",
     "ON_DEMAND_PRIORITY"),
    ("REQUEST_TIER_SHARED_FLEX", "shared", "flex", "ON_DEMAND_FLEX"),
]


def tiers_of(request):
    return request.headers.get(TYPE), request.headers.get(SHARED)


@pytest.mark.parametrize("tier, kind, pay_as_you_go, served", TIERS)
def test_tier__each__its_headers_and_what_served(
        emulator, stub, tier, kind, pay_as_you_go, served):
    answer = stub.Generate(Request(prompt="p", request_tier=tier))
    assert tiers_of(emulator.only_request()) == (kind, pay_as_you_go)
    assert answer.usage_metadata.traffic_type == \
        Usage.TrafficType.Value(served)
    assert "requestTier" not in emulator.only_request().body
    emulator.reset()
    chunks = list(stub.StreamGenerate(Request(prompt="p", request_tier=tier)))
    assert tiers_of(emulator.only_request()) == (kind, pay_as_you_go)
    assert {c.usage_metadata.traffic_type for c in chunks} - {0} == \
        {Usage.TrafficType.Value(served)}


def test_tier__every_name_of_the_contract__is_in_the_table():
    assert [t[0] for t in TIERS] == vertexd_pb2.RequestTier.keys()


def test_tier__another_served__shows_in_traffic_type(emulator, stub):
    answer = stub.Generate(Request(
        prompt="p" + control(traffic_type="ON_DEMAND"),
        request_tier="REQUEST_TIER_PRIORITY"))
    assert answer.usage_metadata.traffic_type == Usage.ON_DEMAND
    answer = stub.Generate(Request(
        prompt="p" + control(traffic_type="ON_DEMAND_OFFPEAK")))
    assert answer.usage_metadata.traffic_type == Usage.ON_DEMAND_OFFPEAK
    assert not answer.unrecognized


def test_tier__of_defaults__items_that_say_nothing(emulator, stub):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        defaults=Request(request_tier="REQUEST_TIER_SHARED"),
        requests=[Request(prompt="a"),
                  Request(prompt="b", request_tier="REQUEST_TIER_STANDARD")])))
    assert batch.codes == ["OK", "OK"]
    sent = {r.prompt: tiers_of(r) for r in emulator.requests(2)}
    assert sent == {"a": ("shared", None), "b": (None, None)}


def test_tier__of_the_server__unless_a_request_says_another(emulator, start):
    _, stub = start("--request-tier", "shared-priority")
    stub.Generate(Request(prompt="p"))
    assert tiers_of(emulator.requests()[0]) == ("shared", "priority")
    stub.Generate(Request(prompt="p", request_tier="REQUEST_TIER_STANDARD"))
    assert tiers_of(emulator.requests()[0]) == (None, None)
    stub.CountTokens(vertexd_pb2.CountTokensRequest(prompt="p"))
    assert tiers_of(emulator.requests()[0]) == (None, None)


def test_tier__unknown_number__refused(emulator, stub):
    with fails("INVALID_ARGUMENT", field="request_tier"):
        stub.Generate(Request(prompt="p", request_tier=99))
    with fails("INVALID_ARGUMENT", field="defaults.request_tier"):
        Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=["p"], defaults=Request(request_tier=99))))
    assert emulator.stats()["requests"] == 0


def test_flex__time__thirty_minutes_at_most_and_by_default(emulator, stub):
    stub.Generate(Request(prompt="p", request_tier="REQUEST_TIER_FLEX"))
    assert emulator.requests()[0].headers["x-server-timeout"] == "1800"
    stub.Generate(Request(prompt="p", request_tier="REQUEST_TIER_FLEX"),
                  timeout=4 * 3600)
    assert emulator.requests()[0].headers["x-server-timeout"] == "1800"
    stub.Generate(Request(prompt="p", request_tier="REQUEST_TIER_FLEX"),
                  timeout=60)
    assert int(emulator.requests()[0].headers["x-server-timeout"]) <= 60
    stub.Generate(Request(prompt="p"))
    assert emulator.requests()[0].headers["x-server-timeout"] == "600"


def test_flex__batch_of_it__items_have_thirty_minutes(emulator, stub):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p"], defaults=Request(request_tier="REQUEST_TIER_FLEX"))))
    assert batch.codes == ["OK"]
    assert emulator.only_request().headers["x-server-timeout"] == "1800"


def test_tier__refused_for_quota__holds_no_other_tier(emulator, start):
    _, stub = start("--throttle-wait", "0s")
    flex = Request(prompt="p" + control(
        fault="http_429_retryinfo", retry_delay="600s"),
        request_tier="REQUEST_TIER_FLEX")
    with fails("RESOURCE_EXHAUSTED"):
        stub.Generate(flex)
    asked = emulator.stats()["requests"]
    assert stub.Generate(Request(prompt="p")).text
    assert emulator.stats()["requests"] == asked + 1
    with fails("RESOURCE_EXHAUSTED"):  # flex itself is held, and not asked
        stub.Generate(Request(prompt="p", request_tier="REQUEST_TIER_FLEX"))
    assert emulator.stats()["requests"] == asked + 1


# --- labels ------------------------------------------------------------------


def test_labels__of_server_and_request__merged_and_the_requests_win(
        emulator, start):
    _, stub = start("--label", "team=search", "--label", "env=prod")
    stub.Generate(Request(prompt="p"))
    assert emulator.requests()[0].body["labels"] == {
        "team": "search", "env": "prod"}
    stub.Generate(Request(prompt="p", labels={"env": "test", "job": ""}))
    assert emulator.requests()[0].body["labels"] == {
        "team": "search", "env": "test", "job": ""}
    Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p"], defaults=Request(labels={"team": "maps"}))))
    assert emulator.requests()[0].body["labels"] == {
        "team": "maps", "env": "prod"}
    stub.CountTokens(vertexd_pb2.CountTokensRequest(prompt="p"))
    assert "labels" not in emulator.requests()[0].body


def test_labels__none__no_field(emulator, stub):
    stub.Generate(Request(prompt="p"))
    assert "labels" not in emulator.only_request().body


@pytest.mark.parametrize("key, value", [
    ("Team", "x"), ("1a", "x"), ("", "x"), ("a.b", "x"), ("a", "X"),
    ("a", "x y"), ("k" * 64, ""), ("a", "v" * 64)])
def test_labels__wrong__field_named(emulator, stub, key, value):
    with fails("INVALID_ARGUMENT", field=f'labels["{key}"]'):
        stub.Generate(Request(prompt="p", labels={key: value}))
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        requests=[Request(prompt="p", labels={key: value})])))
    assert batch.by_index[0].error.field == f'requests[0].labels["{key}"]'
    with fails("INVALID_ARGUMENT", field=f'defaults.labels["{key}"]'):
        Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=["p"], defaults=Request(labels={key: value}))))
    assert emulator.stats()["requests"] == 0


def test_labels__at_their_limits_and_of_any_script__sent(emulator, stub):
    labels = {"k" * 63: "v" * 63, "größe": "klein", "a-b_9": "0"}
    stub.Generate(Request(prompt="p", labels=labels))
    assert emulator.only_request().body["labels"] == labels
