"""Quotas: those that are configured, and those that refusals tell of."""

import time

import calls
from harness import WAIT
from vertexd.v1 import vertexd_pb2 as pb


def batch(stub, count, concurrency=50, text="p"):
    begun = time.monotonic()
    found = calls.Batch(stub.BatchGenerate(
        pb.BatchGenerateRequest(prompts=[f"{text} {n}" for n in range(count)],
                                max_concurrency=concurrency),
        timeout=WAIT))
    assert found.codes == ["OK"] * count
    return time.monotonic() - begun


def test_requests_per_minute__no_more_than_that_from_the_first_call(
        start, emulator):
    _, stub = start("--requests-per-minute", "600")
    # A burst of three seconds' worth, then ten a second.
    assert batch(stub, 50) >= 1.9
    assert emulator.stats()["requests"] == 50


def test_requests_per_minute__without_adaption__holds_too(start, emulator):
    _, stub = start("--requests-per-minute", "600", "--no-adaptive")
    assert batch(stub, 40) >= 0.9
    assert emulator.stats()["requests"] == 40


def test_requests_per_minute__later_hops_count(start, emulator):
    _, stub = start("--requests-per-minute", "600")
    begun = time.monotonic()
    answer = stub.Generate(pb.GenerateRequest(
        prompt="[[emulator text=%s hop_tokens=1]]" % ("0123" * 50)),
        timeout=WAIT)
    assert answer.text == "0123" * 50 and answer.serving.hops == 50
    assert time.monotonic() - begun >= 1.9
    assert emulator.stats()["requests"] == 50


def test_requests_per_minute__calls_for_mended_json_count(start, emulator):
    _, stub = start("--requests-per-minute", "600")
    begun = time.monotonic()
    found = calls.Batch(stub.BatchGenerate(
        pb.BatchGenerateRequest(
            prompts=[f"[[emulator text=I%20will%20not]] {n}" for n in range(25)],
            defaults=dict(json_schema={"type": "object"}, repair_json=True),
            max_concurrency=50), timeout=WAIT))
    assert found.codes == ["OK"] * 25
    assert all(r.response.serving.repaired for r in found.results)
    assert emulator.stats()["requests"] == 50
    assert time.monotonic() - begun >= 1.9


def test_tokens_per_minute__what_was_used_counts(start, emulator):
    _, stub = start("--tokens-per-minute", "60000")
    begun = time.monotonic()
    found = calls.Batch(stub.BatchGenerate(
        pb.BatchGenerateRequest(prompts=["word " * 800] * 6, max_concurrency=1),
        timeout=WAIT))
    took = time.monotonic() - begun
    used = found.summary.total_tokens
    assert found.codes == ["OK"] * 6 and used > 4800
    # All but the last are paid for, save a burst of three seconds' worth.
    assert took >= (used * 5 / 6 - 3000) / 1000 - 0.1
    assert emulator.stats()["requests"] == 6


def test_bucket__every_item_is_served_and_few_calls_wasted(start, emulator):
    emulator.defaults(quota_rps=50, quota_burst=5, latency_ms=20)
    _, stub = start()
    batch(stub, 200, concurrency=100)
    stats = emulator.stats()
    assert stats["accepted"] == 200
    # Without the law: thousands.
    assert stats["throttled"] < 160


def test_bucket__without_adaption__served_and_refused_more_often(
        start, emulator):
    emulator.defaults(quota_rps=50, quota_burst=5, latency_ms=20)
    _, stub = start("--no-adaptive")
    batch(stub, 200, concurrency=100)
    stats = emulator.stats()
    assert stats["accepted"] == 200
    assert stats["throttled"] >= 95  # the first hundred but the bucket's five


def test_retry_info__whole_target_is_left_alone(start, emulator):
    emulator.defaults(quota_rps=20, quota_burst=5, quota_retryinfo=1,
                      retry_delay="2s")
    _, stub = start()
    assert batch(stub, 20, concurrency=20) >= 1.9
    # What was under way when the first refusal came, and few probes.
    assert emulator.stats()["throttled"] <= 40
