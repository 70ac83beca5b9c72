"""Several locations and fallback models: who answers when one of them fails."""

import contextlib
import json
import socket

import grpc
import pytest
from vertexd.v1 import vertexd_pb2

import harness
from calls import Batch, fails
from harness import control, eventually

Request = vertexd_pb2.GenerateRequest
BatchRequest = vertexd_pb2.BatchGenerateRequest

TWO = ("--location", "us,eu")


@contextlib.contextmanager
def dead_port():
    """A port of this machine that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        yield taken.getsockname()[1]


def port_of(emulator):
    return emulator.url.rsplit(":", 1)[1].rstrip("/")


def place(emulator, where, **knobs):
    """Knobs for one location (or location and model) alone."""
    emulator.ask(f"defaults?{where}", knobs)


def requests_at(emulator, location, model=None):
    """How many requests a location has got."""
    return sum(t["requests"] for t in emulator.stats()["by_target"]
               if t["location"] == location and model in (None, t["model"]))


def lines_of(server, name, begin=0):
    """The log's lines of one event that were read by now."""
    found = (json.loads(line) for line in server.lines[begin:]
             if line.startswith("{"))
    return [line for line in found if line["event"] == name]


def events(server, name):
    """The log's lines of one event so far. The log is written in the
    background and in order: once a line that was asked for now is there, all
    before it are."""
    server.counters()
    return lines_of(server, name)


def targets(server, count=2):
    """What SIGUSR1 says about so many targets, by location."""
    server.counters()  # and after its line come those of the targets
    last = max(i for i, line in enumerate(server.lines)
               if '"transfers"' in line)
    assert eventually(
        lambda: len(lines_of(server, "target", last)) >= count)
    return {line["target"].split("/")[0]: line
            for line in lines_of(server, "target", last)}


def ask(stub, prompt="hello", **more):
    return stub.Generate(Request(prompt=prompt, **more), timeout=30)


# One that refuses connections.

def test_dead_first_location__single_calls__second_answers(emulator, start):
    port = port_of(emulator)
    with dead_port() as dead:
        server, stub = start("--location", f"{dead},{port}",
                             base_url="http://127.0.0.1:{location}")
        answers = [ask(stub, f"question {i}") for i in range(60)]
        figures = targets(server)
    assert all(a.text and a.serving.location == port for a in answers)
    first = answers[0].serving
    assert first.attempts == 2
    assert [f.reason for f in first.failed_attempts] == ["UPSTREAM_UNREACHABLE"]
    assert str(dead) in first.failed_attempts[0].target
    # Eight failures in a row open the breaker. From then on only probes go
    # there, 1 s, 2 s, 4 s ... after one another.
    moved = [a.serving.attempts == 2 for a in answers]
    assert moved[:8] == [True] * 8
    assert sum(moved[8:]) <= 5
    assert figures[str(dead)]["started"] == sum(moved)
    assert figures[str(dead)]["failed"] == sum(moved)
    assert figures[str(dead)]["breaker"] in ("open", "half_open")
    assert figures[port]["served"] == 60
    assert figures[port]["failed"] == 0
    assert len(events(server, "target_fails")) == 1


def test_dead_first_location__batch__loses_nothing(emulator, start):
    port = port_of(emulator)
    with dead_port() as dead:
        server, stub = start("--location", f"{dead},{port}",
                             base_url="http://127.0.0.1:{location}")
        batch = Batch(stub.BatchGenerate(BatchRequest(
            prompts=[f"question {i}" for i in range(200)],
            max_concurrency=200)))
        assert targets(server)[str(dead)]["started"] <= 205
    assert batch.codes == ["OK"] * 200
    assert {r.response.serving.location for r in batch.results} == {port}


def test_first_location_dies__in_mid_batch__loses_nothing(emulator, start):
    port = port_of(emulator)
    emulator.defaults(latency_ms=20)
    first = harness.Emulator("--latency", "20ms")
    try:
        server, stub = start("--location", f"{port_of(first)},{port}",
                             base_url="http://127.0.0.1:{location}")
        call = stub.BatchGenerate(BatchRequest(
            prompts=[f"question {i}" for i in range(500)],
            max_concurrency=50))
        messages = []
        for message in call:
            messages.append(message)
            if len(messages) == 100:
                first.child.kill()
    finally:
        first.stop()

    class Ended(list):
        code = staticmethod(call.code)

    batch = Batch(Ended(messages))
    assert batch.codes == ["OK"] * 500
    served = [r.response.serving.location for r in batch.results]
    assert served.count(port_of(first)) >= 100
    assert served.count(port) >= 250
    assert events(server, "target_fails")


# One that answers with errors.

@pytest.mark.parametrize("fault", ["http_500", "http_503", "http_504",
                                   "html_502", "reset_mid_body"])
def test_first_location_fails__single_call__second_answers(
        emulator, start, fault):
    place(emulator, "location=us", fault=fault)
    _, stub = start(*TWO)
    answer = ask(stub)
    assert answer.text and answer.serving.location == "eu"
    assert answer.serving.attempts == 2
    assert len(answer.serving.failed_attempts) == 1
    assert requests_at(emulator, "us") == 1


def test_both_locations_held__those_who_wait_go_to_the_first_free(
        emulator, start):
    """All wait for the first location, which is to be free sooner, and then is
    held for a minute; by then nothing happens at the second, which is free."""
    place(emulator, "location=us", fault="http_429_retryinfo",
          retry_delay="3s")
    place(emulator, "location=eu", fault="http_429_retryinfo",
          retry_delay="5s")
    _, stub = start(*TWO, "--throttle-wait", "200s")
    calls = [stub.Generate.future(Request(prompt="first"),
                                  timeout=harness.WAIT)]
    assert eventually(lambda: emulator.stats()["requests"] == 2)
    place(emulator, "location=us", fault="http_429_retryinfo",
          retry_delay="60s")
    place(emulator, "location=eu")
    calls += [stub.Generate.future(Request(prompt=f"question {i}"),
                                   timeout=harness.WAIT) for i in range(8)]
    assert {c.result().serving.location for c in calls} == {"eu"}
    assert requests_at(emulator, "us") == 2  # nobody has waited until then


def test_second_location_lacks_the_model__batch__one_item_fails(
        emulator, start):
    """What stands in for the first says nothing about the others."""
    place(emulator, "location=us", fault="http_503", fail_times=1, key="once")
    place(emulator, "location=eu", fault="http_404")
    _, stub = start(*TWO)
    batch = Batch(stub.BatchGenerate(BatchRequest(
        prompts=[f"question {i}" for i in range(20)], max_concurrency=1)))
    assert batch.codes == ["NOT_FOUND"] + ["OK"] * 19
    assert requests_at(emulator, "us") == 20
    assert requests_at(emulator, "eu") == 1


def test_first_location_lacks_the_model__batch__ends(emulator, start):
    place(emulator, "location=us", fault="http_404")
    _, stub = start(*TWO)
    batch = Batch(stub.BatchGenerate(BatchRequest(
        prompts=[f"question {i}" for i in range(20)], max_concurrency=1)))
    assert batch.codes == ["NOT_FOUND"] * 20
    assert requests_at(emulator, "us") == 1
    assert requests_at(emulator, "eu") == 0


@pytest.mark.parametrize("fault, code", [
    ("http_400", "INVALID_ARGUMENT"), ("http_403", "FAILED_PRECONDITION"),
    ("http_404", "NOT_FOUND"), ("not_json", "INTERNAL")])
def test_first_location_refuses__single_call__is_the_answer(
        emulator, start, fault, code):
    """What is not the location's failure is not tried elsewhere."""
    place(emulator, "location=us", fault=fault)
    _, stub = start(*TWO)
    with fails(code):
        ask(stub)
    assert requests_at(emulator, "eu") == 0


def test_all_locations_fail__single_call__real_error(emulator, start):
    emulator.defaults(fault="http_503")
    _, stub = start(*TWO)
    for _ in range(12):  # also when the breakers are open
        with fails("UNAVAILABLE", "UPSTREAM_UNAVAILABLE"):
            ask(stub)
    assert requests_at(emulator, "us") >= 12 or requests_at(emulator, "eu") >= 12


def test_caller_names_the_place__it_fails__stays_there(emulator, start):
    place(emulator, "location=us", fault="http_503")
    _, stub = start(*TWO)
    for model in ("projects/e2e/locations/us/publishers/google/models/m",
                  "projects/e2e/locations/us/endpoints/123", "endpoints/123"):
        with fails("UNAVAILABLE"):
            ask(stub, model=model)
    assert requests_at(emulator, "eu") == 0
    assert ask(stub, model="m").serving.location == "eu"


# Streams.

@pytest.mark.parametrize("fault", ["http_503", "reset"])
def test_stream__fails_before_the_first_chunk__second_answers(
        emulator, start, fault):
    place(emulator, "location=us", fault=fault)
    _, stub = start(*TWO)
    chunks = list(stub.StreamGenerate(Request(prompt="hello"), timeout=30))
    assert "".join(c.text for c in chunks)
    assert chunks[-1].serving.location == "eu"
    assert chunks[-1].serving.attempts == 2


@pytest.mark.parametrize("fault", ["sse_error_data", "sse_reset",
                                   "sse_truncated"])
def test_stream__fails_after_the_first_chunk__no_second_one(
        emulator, start, fault):
    place(emulator, "location=us", fault=fault, chunks=5,
          chunk_interval_ms=20)
    _, stub = start(*TWO)
    chunks = []
    with pytest.raises(grpc.RpcError):
        for chunk in stub.StreamGenerate(Request(prompt="hello"), timeout=30):
            chunks.append(chunk)
    assert chunks and chunks[0].text
    assert requests_at(emulator, "us") == 1
    assert requests_at(emulator, "eu") == 0


# One that takes calls and never answers.

def let_go_of(stub, item_timeout):
    """Eight calls, given up in all ways but for the last, which lives."""
    request, timeout = Request(prompt="hello"), item_timeout + 1
    options = vertexd_pb2.BatchOptions()
    options.item_timeout.FromMilliseconds(int(item_timeout * 1000))
    batch = stub.BatchGenerate(BatchRequest(
        prompts=["one", "two", "three"], options=options))
    ended = [*(stub.Generate.future(request, timeout=timeout)
               for _ in range(2)),
             *(stub.StreamGenerate(request, timeout=timeout)
               for _ in range(2))]
    last = stub.Generate.future(request, timeout=60)
    assert {c.code().name for c in ended} == {"DEADLINE_EXCEEDED"}
    assert Batch(batch).codes == ["DEADLINE_EXCEEDED"] * 3
    return last


def test_first_location_hangs__calls_are_given_up__second_answers(
        emulator, start):
    place(emulator, "location=us", fault="hang")
    place(emulator, "location=us&model=talks", fault="stall", chunks=3)
    server, stub = start(*TWO)
    # Of these something came, and what is missing is their own matter.
    talking = [stub.StreamGenerate(Request(prompt="hello", model="talks"),
                                   timeout=13.5) for _ in range(8)]
    last = let_go_of(stub, item_timeout=12.5)
    assert {c.code().name for c in talking} == {"DEADLINE_EXCEEDED"}
    assert not events(server, "target_fails")
    last.cancel()  # the eighth
    assert eventually(lambda: events(server, "target_fails"))
    line, = events(server, "target_fails")
    assert line["target"].endswith(harness.MODEL)
    assert (line["silent"], line["served"], line["failed"]) == (8, 0, 0)
    # From now on one call at a time goes there, to see whether it is back.
    calls = [stub.Generate.future(Request(prompt=f"question {i}"), timeout=20)
             for i in range(20)]
    answers = [call.result() for call in calls if not call.exception()]
    assert len(answers) >= 19
    assert {a.serving.location for a in answers} == {"eu"}
    assert {a.serving.attempts for a in answers} == {1}


def test_first_location_hangs__callers_in_a_hurry__stay_there(
        emulator, start):
    """How long answers take here they do not wait to see."""
    place(emulator, "location=us", fault="hang")
    server, stub = start(*TWO)
    let_go_of(stub, item_timeout=1).cancel()
    assert eventually(lambda: targets(server, 1)["us"]["in_flight"] == 0)
    figures = targets(server, 1)
    assert set(figures) == {"us"}
    assert (figures["us"]["started"], figures["us"]["silent"]) == (8, 0)
    assert (figures["us"]["breaker"], figures["us"]["opened"]) == ("closed", 0)


# Quota.

def test_quota_of_the_first_used_up__batch__both_are_used(emulator, start):
    place(emulator, "location=us", quota_rps=20, quota_burst=2, latency_ms=20)
    place(emulator, "location=eu", quota_rps=60, quota_burst=2, latency_ms=20)
    server, stub = start(*TWO)
    batch = Batch(stub.BatchGenerate(BatchRequest(
        prompts=[f"question {i}" for i in range(600)], max_concurrency=100),
        timeout=120))
    assert batch.codes == ["OK"] * 600
    served = [r.response.serving.location for r in batch.results]
    # Their shares are near those of the quotas: both were used all the time.
    assert 90 <= served.count("us") <= 240
    throttled = sum(t["throttled"] for t in targets(server).values())
    assert throttled <= 120
    assert {line["target"].split("/")[0]
            for line in events(server, "target_throttled")} == {"us", "eu"}


def test_quota_of_the_first_used_up__single_calls__second_takes_over(
        emulator, start):
    place(emulator, "location=us", fault="http_429_retryinfo",
          retry_delay_ms=60000)
    _, stub = start(*TWO)
    answers = [ask(stub, f"question {i}") for i in range(20)]
    assert {a.serving.location for a in answers} == {"eu"}
    assert requests_at(emulator, "us") == 1
    # A refusal for quota is no attempt.
    assert {a.serving.attempts for a in answers} == {1}


def test_configured_quota_of_the_first_used_up__second_without_a_refusal(
        emulator, start):
    _, stub = start(*TWO, "--requests-per-minute", "60")
    servings = [ask(stub, f"question {i}").serving for i in range(8)]
    assert servings[0].location == "us"
    assert {s.location for s in servings} == {"us", "eu"}
    assert {s.attempts for s in servings} == {1}
    assert emulator.stats()["throttled"] == 0


def test_quota_used_up__alias__no_reason_for_the_fallback(emulator, start):
    place(emulator, "model=m1", quota_rps=20, quota_burst=2)
    _, stub = start(*TWO, "--model-alias", "best=m1,m2")
    batch = Batch(stub.BatchGenerate(BatchRequest(
        prompts=[f"question {i}" for i in range(100)],
        defaults=Request(model="best"), max_concurrency=50), timeout=60))
    assert batch.codes == ["OK"] * 100
    assert {r.response.serving.model.rsplit("/", 1)[-1]
            for r in batch.results} == {"m1"}


# Aliases.

def test_alias__one_place_fails__same_model_elsewhere(emulator, start):
    place(emulator, "location=us&model=m1", fault="http_503")
    _, stub = start(*TWO, "--model-alias", "best=m1,m2")
    for name in ("best", "google/best", "publishers/google/models/best"):
        serving = ask(stub, model=name).serving
        assert serving.location == "eu"
        assert serving.model.endswith("m1")


def test_alias__all_places_of_the_model_fail__fallback(emulator, start):
    place(emulator, "model=m1", fault="http_503")
    server, stub = start(*TWO, "--model-alias", "best=m1,m2",
                         "--default-model", "best")
    serving = ask(stub).serving
    assert serving.location == "us" and serving.model.endswith("m2")
    assert serving.attempts == 3
    tried = [f.target for f in serving.failed_attempts]
    assert len(tried) == 2 and all("m1" in t for t in tried)
    assert "us" in tried[0] and "eu" in tried[1]
    # Once their breakers are open, the fallback is asked at once.
    for i in range(10):
        ask(stub, f"question {i}")
    assert sum(ask(stub, f"more {i}").serving.attempts > 1
               for i in range(20)) <= 4
    assert len(events(server, "target_fails")) == 2


def test_alias__count_tokens__same_places(emulator, start):
    place(emulator, "location=us", fault="http_503")
    _, stub = start(*TWO, "--model-alias", "best=m1")
    counted = stub.CountTokens(vertexd_pb2.CountTokensRequest(
        model="best", prompt="hello"), timeout=30)
    assert counted.total_tokens > 0
    assert requests_at(emulator, "eu", "m1") == 1


def test_alias__of_another_project__refused_at_start():
    server = harness.Vertexd(
        "--project", "p", "--api-key", "k", "--model-alias",
        "a=projects/other/locations/us/endpoints/1")
    assert server.child.wait(20) == 2
    eventually(lambda: server.lines)
    assert "--model-alias: a:" in server.log()
    server.stop()


def test_several_locations__express_mode__refused_at_start():
    server = harness.Vertexd("--api-key", "k", *TWO)
    assert server.child.wait(20) == 2
    eventually(lambda: server.lines)
    assert "--location: several locations need a project" in server.log()
    server.stop()


# Recovery.

def test_first_location_recovers__is_preferred_again(emulator, start):
    place(emulator, "location=us", fault="http_503")
    server, stub = start(*TWO)
    for i in range(10):
        assert ask(stub, f"question {i}").serving.location == "eu"
    assert len(events(server, "target_fails")) == 1
    assert not events(server, "target_recovered")
    place(emulator, "location=us")
    assert eventually(
        lambda: ask(stub, "again").serving.location == "us", timeout=40)
    closed = events(server, "target_recovered")
    assert len(closed) == 1 and closed[0]["target"].startswith("us/")
    before = requests_at(emulator, "eu")
    for i in range(10):
        assert ask(stub, f"later {i}").serving.location == "us"
    assert requests_at(emulator, "eu") == before
    assert targets(server)["us"]["breaker"] == "closed"


def test_start__several_locations__in_the_log(emulator, start):
    server, _ = start(*TWO, "--model-alias", "a=m")
    line = events(server, "start")[0]
    assert line["location"] == "us,eu"
    assert line["model_aliases"] == 1
