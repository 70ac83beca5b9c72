"""The emulator's quotas, places, loads and tiers, as its clients see them."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from vertexd.v1 import vertexd_pb2

import harness
from calls import Batch

PROMPT = "Who are you?"


def ask(emulator, prompt=PROMPT, location="here", model="m", headers=None,
        verb="generateContent"):
    """(status, headers, body as JSON) of one request."""
    request = urllib.request.Request(
        f"{emulator.url}/v1/projects/p/locations/{location}/publishers/google/"
        f"models/{model}:{verb}",
        data=json.dumps({"contents": [
            {"role": "user", "parts": [{"text": prompt}]}]}).encode(),
        headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.load(error)


def statuses(emulator, count, **how):
    return [ask(emulator, **how)[0] for _ in range(count)]


@contextlib.contextmanager
def held(emulator, count):
    """So many requests in flight while the block runs."""
    prompt = harness.control(latency="2s") + PROMPT
    threads = [threading.Thread(target=ask, args=(emulator, prompt))
               for _ in range(count)]
    for thread in threads:
        thread.start()
    assert harness.eventually(
        lambda: emulator.stats()["in_flight"] == count)
    yield
    for thread in threads:
        thread.join()


def test_quota__burst_is_used_up__is_429_at_no_latency(emulator):
    emulator.defaults(quota_rps=0.001, quota_burst=2, latency="300ms")
    begin = time.monotonic()
    assert statuses(emulator, 2) == [200, 200]
    assert time.monotonic() - begin >= 0.6
    status, headers, body = ask(emulator)
    assert status == 429
    assert body["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert "details" not in body["error"]
    assert "Retry-After" not in headers


def test_quota__hints_asked_for__come_with_the_429(emulator):
    emulator.defaults(quota_rps=0.001, quota_retryinfo=1, retry_delay="1500ms",
                      retry_after="1500ms")
    assert ask(emulator)[0] == 200
    _, headers, body = ask(emulator)
    info = {d["@type"].rpartition(".")[2]: d for d in body["error"]["details"]}
    assert info["RetryInfo"]["retryDelay"] == "1.500s"
    assert info["ErrorInfo"]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert headers["Retry-After"] == "2"


def test_quota__changed_in_mid_run__holds_at_once(emulator):
    emulator.defaults(quota_rps=0.001, quota_burst=1)
    assert statuses(emulator, 2) == [200, 429]
    emulator.defaults(quota_rps=1000000, quota_burst=1000)
    assert statuses(emulator, 3) == [200, 200, 200]


def test_quota__models_and_locations__have_their_own(emulator):
    emulator.defaults(quota_rps=0.001)
    for how in ({}, {"model": "n"}, {"location": "there"}):
        assert statuses(emulator, 2, **how) == [200, 429]


def test_quota__counting_tokens__is_free(emulator):
    emulator.defaults(quota_rps=0.001)
    assert statuses(emulator, 3, verb="countTokens") == [200] * 3
    assert statuses(emulator, 2) == [200, 429]


def test_quota__of_tokens__is_charged_for_answers(emulator):
    emulator.defaults(quota_tpm=60)
    long = f"{PROMPT} {harness.control(words=200)}"
    assert statuses(emulator, 2, prompt=long) == [200, 429]


def test_quota__set_at_the_start__comes_back_at_reset():
    process = harness.Emulator("--quota", "rps=0.001 burst=2")
    try:
        assert statuses(process, 3) == [200, 200, 429]
        process.defaults(quota_rps=0)
        assert statuses(process, 3) == [200, 200, 200]
        process.reset()
        assert statuses(process, 3) == [200, 200, 429]
    finally:
        process.stop()


def test_defaults__of_a_place__hold_there_only(emulator):
    emulator.ask("defaults?location=there", {"fault": "http_503"})
    emulator.ask("defaults?location=there&model=n", {"fault": "http_404"})
    assert ask(emulator)[0] == 200
    assert ask(emulator, location="there")[0] == 503
    assert ask(emulator, location="there", model="n")[0] == 404
    emulator.ask("defaults?location=there", {})
    assert ask(emulator, location="there")[0] == 200
    emulator.reset()
    assert ask(emulator, location="there", model="n")[0] == 200


def test_stats__several_targets__are_told_apart(emulator):
    emulator.defaults(quota_rps=0.001)
    statuses(emulator, 3)
    ask(emulator, location="there", prompt=harness.control(fault="http_500"))
    stats = emulator.stats()
    assert (stats["accepted"], stats["throttled"], stats["ok"]) == (2, 2, 1)
    rows = {r["location"]: r for r in stats["by_target"]}
    assert rows["here"]["requests"] == 3
    assert (rows["here"]["throttled"], rows["here"]["ok"]) == (2, 1)
    assert (rows["there"]["accepted"], rows["there"]["ok"]) == (1, 0)
    assert rows["there"]["in_flight"] == 0


def test_timeline__after_some_seconds__has_them_all(emulator):
    emulator.defaults(quota_rps=0.001)
    statuses(emulator, 2)
    harness.eventually(
        lambda: emulator.ask("timeline")["timeline"][-1]["throttled"] == 0)
    statuses(emulator, 1)
    timeline = emulator.ask("timeline")
    assert timeline["timeline"][-1]["second"] == timeline["second"]
    assert sum(s["accepted"] for s in timeline["timeline"]) == 1
    assert sum(s["throttled"] for s in timeline["timeline"]) == 2
    elsewhere = emulator.ask("timeline?location=there")["timeline"]
    assert not any(s["accepted"] for s in elsewhere)


def test_capacity__one_more_than_fits__is_503(emulator):
    emulator.defaults(capacity=2, retry_after="3s")
    with held(emulator, 2):
        status, headers, body = ask(emulator)
        assert status == 503
        assert body["error"]["status"] == "UNAVAILABLE"
        assert headers["Retry-After"] == "3"
        assert emulator.stats()["overloaded"] == 1
    assert ask(emulator)[0] == 200


def test_slowdown__requests_in_flight__make_it_slower(emulator):
    emulator.defaults(slowdown="150ms")
    with held(emulator, 2):
        begin = time.monotonic()
        assert ask(emulator)[0] == 200
        assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize("headers, tier", [
    ({}, "ON_DEMAND"),
    ({"X-Vertex-AI-LLM-Request-Type": "dedicated"}, "PROVISIONED_THROUGHPUT"),
    ({"X-Vertex-AI-LLM-Request-Type": "shared"}, "ON_DEMAND"),
    ({"X-Vertex-AI-LLM-Shared-Request-Type": "priority"},
     "ON_DEMAND_PRIORITY"),
    ({"X-Vertex-AI-LLM-Request-Type": "shared",
      "X-Vertex-AI-LLM-Shared-Request-Type": "flex"}, "ON_DEMAND_FLEX"),
])
def test_tier__asked_for_in_headers__is_told_in_usage(emulator, headers, tier):
    status, _, body = ask(emulator, headers=headers)
    assert status == 200
    assert body["usageMetadata"]["trafficType"] == tier


def test_tier__told_to_serve_another__does(emulator):
    _, _, body = ask(emulator,
                     prompt=harness.control(traffic_type="ON_DEMAND") + PROMPT,
                     headers={"X-Vertex-AI-LLM-Request-Type": "dedicated"})
    assert body["usageMetadata"]["trafficType"] == "ON_DEMAND"


@pytest.mark.parametrize("name, value", [
    ("X-Vertex-AI-LLM-Request-Type", "exclusive"),
    ("X-Vertex-AI-LLM-Shared-Request-Type", "FLEX"),
])
def test_tier__unknown_value__is_400(emulator, name, value):
    status, _, body = ask(emulator, headers={name: value})
    assert status == 400
    assert body["error"]["status"] == "INVALID_ARGUMENT"


def test_overload__batch_through_vertexd__all_are_answered(emulator, start):
    """503s beyond the capacity are made again until there is room."""
    _, stub = start()
    emulator.defaults(capacity=8, latency="50ms", slowdown="2ms")
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[f"prompt {i}" for i in range(60)], max_concurrency=30),
        timeout=60))
    assert batch.codes == ["OK"] * 60
    stats = emulator.stats()
    assert stats["ok"] == 60 and stats["overloaded"] > 0
