"""Metrics as Prometheus scrapes them (--metrics-listen)."""

import contextlib
import http.client
import json
import math
import re
import signal
import socket
import subprocess
import threading
import urllib.parse

import grpc
import pytest
from vertexd.v1 import vertexd_pb2

from calls import Batch
from harness import MODEL, ONE_ATTEMPT, Vertexd, binary, control, eventually
from test_failover import dead_port, place, port_of

Request = vertexd_pb2.GenerateRequest
BatchRequest = vertexd_pb2.BatchGenerateRequest

ON = ("--metrics-listen", "127.0.0.1:0")
TYPE = "text/plain; version=0.0.4; charset=utf-8"
PAGE = f"publishers/google/models/{MODEL}"

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
HELP = re.compile(rf"# HELP ({NAME}) ((?:[^\\]|\\[\\n])+)")
KIND = re.compile(rf"# TYPE ({NAME}) (counter|gauge)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL.pattern}"
                    rf"(?:,{LABEL.pattern})*)\}})? (\+Inf|-?[0-9.e+-]+)")


class Page(dict):
    """A page by name and labels: page["name", "label=value", ...]. What is not
    as the format has it fails: each family once, with its help, its type, and
    its samples together."""

    def __init__(self, text):
        super().__init__()
        assert text.endswith("\n") and "\r" not in text
        self.types = {}
        lines = text[:-1].split("\n")
        while lines:
            self._take_family(lines)

    def _take_family(self, lines):
        told, kind = HELP.fullmatch(lines.pop(0)), KIND.fullmatch(lines.pop(0))
        assert told and kind and told[1] == kind[1]
        name = told[1]
        assert name not in self.types, f"{name} is there twice"
        assert name.endswith("_total") == (kind[2] == "counter"), name
        self.types[name] = kind[2]
        while lines and not lines[0].startswith("#"):
            self._take_sample(name, lines.pop(0))

    def _take_sample(self, name, line):
        sample = SAMPLE.fullmatch(line)
        assert sample and sample[1] == name, line
        labels = [f"{k}={v}" for k, v in LABEL.findall(sample[2] or "")]
        key = (name, *labels) if labels else name
        assert key not in self, line
        self[key] = float(sample[sample.lastindex])
        assert not math.isnan(self[key])

    def of_target(self, name, location, *more):
        """The one sample of a target at that location."""
        found = [v for k, v in self.items()
                 if k[0] == f"vertexd_target_{name}"
                 and k[1].startswith(f"target={location}/")
                 and k[2:] == more]
        assert len(found) == 1, (name, location, more, found)
        return found[0]


def connect(server):
    url = urllib.parse.urlsplit(server.metrics())
    assert url.scheme == "http" and url.path == "/metrics"
    return http.client.HTTPConnection(url.hostname, url.port, timeout=30)


def ask(server, method="GET", path="/metrics", **more):
    """The response and its body."""
    with contextlib.closing(connect(server)) as connection:
        connection.request(method, path, **more)
        response = connection.getresponse()
        return response, response.read().decode()


def scrape(server):
    response, text = ask(server)
    assert response.status == 200, text
    return Page(text)


def raw(server):
    """A connection to say anything on."""
    url = urllib.parse.urlsplit(server.metrics())
    return socket.create_connection((url.hostname, url.port), timeout=30)


# Where it listens.

def test_start__prints_the_address_behind_the_listeners(start):
    server, _ = start(*ON)
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d*/metrics",
                        server.metrics())
    assert [line.split()[0] for line in server.greeting] == [
        "listening", "metrics"]
    entry, = (e for e in map(json.loads, server.lines) if e["event"] == "start")
    assert entry["metrics"] == server.metrics()


def test_start__without_the_flag__no_metrics(start):
    server, _ = start()
    assert len(server.greeting) == 1


def test_start__by_the_variable(start):
    server, _ = start(env={"VERTEXD_METRICS_LISTEN": "127.0.0.1:0"})
    assert scrape(server)


def test_start__ipv6(start):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    server, _ = start("--metrics-listen", "[::1]:0")
    assert server.metrics().startswith("http://[::1]:")
    assert scrape(server)


def test_start__address_in_use__exits_1_and_says_so(server):
    result = subprocess.run(
        [binary("VERTEXD_BIN", "vertexd"), "--emulate", "--listen",
         "127.0.0.1:0", "--metrics-listen", server.target],
        capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 1 and result.stdout == ""
    entry, = (e for e in map(json.loads, result.stderr.splitlines())
              if e["event"] == "start_failed")
    assert entry["what"] == server.target and "in use" in entry["message"]


@pytest.mark.parametrize("address", [
    "9464", ":9464", "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:x", "::1:9464",
    "unix:/tmp/metrics", "http://127.0.0.1:9464", ""])
def test_start__wrong_address__exits_2_and_names_the_flag(address):
    result = subprocess.run(
        [binary("VERTEXD_BIN", "vertexd"), "--emulate", "--listen",
         "127.0.0.1:0", "--metrics-listen", address],
        capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 2 and result.stdout == ""
    assert "--metrics-listen" in result.stderr


# What it answers.

def test_get__content_type_and_length(start):
    server, _ = start(*ON)
    response, text = ask(server)
    assert response.status == 200
    assert response.headers["Content-Type"] == TYPE
    assert int(response.headers["Content-Length"]) == len(text.encode())


def test_head__as_get_without_the_page(start):
    server, _ = start(*ON)
    response, text = ask(server, "HEAD")
    assert response.status == 200 and text == ""
    assert response.headers["Content-Type"] == TYPE
    assert int(response.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics.txt", "/x"])
def test_other_path__404(start, path):
    server, _ = start(*ON)
    for method in ("GET", "HEAD", "POST"):
        assert ask(server, method, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "FROB"])
def test_other_method__405(start, method):
    server, _ = start(*ON)
    response, _ = ask(server, method, body="x" * 100_000)
    assert response.status == 405
    assert response.headers["Allow"] == "GET, HEAD"


# What is on the page.

def test_page__before_any_call__all_families(start):
    server, _ = start(*ON)
    page = scrape(server)
    version = subprocess.run([binary("VERTEXD_BIN", "vertexd"), "--version"],
                             capture_output=True, text=True, check=True)
    assert page["vertexd_build_info",
                f"version={version.stdout.split()[1]}"] == 1
    assert page["vertexd_calls_total"] == 0
    assert page["vertexd_targets_left_out"] == 0
    assert page["process_resident_memory_bytes"] > 1_000_000
    assert page["process_open_fds"] > 5
    assert page.types["vertexd_target_failovers_total"] == "counter"
    assert not any(isinstance(key, tuple) and key[1].startswith("target=")
                   for key in page)


# The field of SIGUSR1's line for each family that has no labels.
SAME = {
    "vertexd_calls_in_flight": "calls", "vertexd_flows_in_flight": "flows",
    "vertexd_jobs_in_flight": "jobs",
    "vertexd_transfers_in_flight": "transfers",
    "vertexd_connections_open": "connections", "vertexd_arenas": "arenas",
    "vertexd_memory_budget_used_bytes": "bytes",
    "vertexd_retries_left": "retries_left",
    "vertexd_calls_total": "calls_total", "vertexd_jobs_total": "jobs_total",
    "vertexd_transfers_total": "transfers_total",
    "vertexd_connections_total": "connections_total",
    "vertexd_retries_total": "retries", "vertexd_requeues_total": "requeues",
    "vertexd_failovers_total": "failovers",
    "vertexd_retries_denied_total": "retries_denied",
    "vertexd_upstream_sent_bytes_total": "bytes_sent",
    "vertexd_upstream_received_bytes_total": "bytes_received",
}
OWN = {"vertexd_memory_budget_limit_bytes", "vertexd_targets_left_out",
       "process_resident_memory_bytes", "process_open_fds"}


def test_page__after_calls__says_what_sigusr1_says(emulator, start):
    server, stub = start(*ON, "--memory-budget", "1GiB")
    for i in range(5):
        stub.Generate(Request(prompt=f"question {i}"), timeout=30)
    Batch(stub.BatchGenerate(BatchRequest(
        prompts=["p" + control(fault="http_503", fail_times=1, key="a")] * 10)))
    assert not server.settle()
    counters, page = server.counters(), scrape(server)
    assert {k for k in page if isinstance(k, str)} == SAME.keys() | OWN
    assert {k: page[k] for k in SAME} == {
        k: counters[field] for k, field in SAME.items()}
    assert page["vertexd_memory_budget_limit_bytes"] == 1 << 30
    assert page["vertexd_calls_total"] == 6
    assert page["vertexd_jobs_total"] == 15
    assert page["vertexd_retries_total"] == 1
    assert page.of_target("calls_started_total", "global") == 16
    assert page.of_target("calls_ended_total", "global", "outcome=served") == 15
    assert page.of_target(
        "calls_ended_total", "global", "outcome=overloaded") == 1


def test_page__while_calls_run__what_is_in_flight(emulator, start):
    server, stub = start(*ON, "--target-max-in-flight", "50")
    call = stub.BatchGenerate(BatchRequest(
        prompts=["p" + control(latency="60s")] * 7, max_concurrency=7))
    assert eventually(lambda: emulator.stats()["in_flight"] == 7)
    page = scrape(server)
    assert page["vertexd_calls_in_flight"] == 1
    assert page["vertexd_flows_in_flight"] == 1
    assert page["vertexd_jobs_in_flight"] == 7
    assert page["vertexd_transfers_in_flight"] == 7
    assert page["vertexd_connections_open"] == 1
    assert page["vertexd_memory_budget_used_bytes"] > 0
    assert page.of_target("calls_in_flight", "global") == 7
    assert page.of_target("in_flight_limit", "global") == 50
    assert page.of_target(
        "rate_limit_calls_per_second", "global") == math.inf
    call.cancel()


# Which target answered, and why others were left.

REASONS = {"UPSTREAM_QUOTA_EXHAUSTED", "UPSTREAM_UNAVAILABLE",
           "UPSTREAM_INTERNAL", "UPSTREAM_UNKNOWN", "UPSTREAM_TIMEOUT",
           "UPSTREAM_REQUEST_TIMEOUT", "UPSTREAM_UNREACHABLE",
           "UPSTREAM_BROKEN", "UPSTREAM_TRUNCATED",
           "CREDENTIAL_REFRESH_FAILED"}


def failovers(page, location):
    """How often a target was left, by reason; those that are not 0."""
    found = {k[2].removeprefix("reason="): v for k, v in page.items()
             if k[0] == "vertexd_target_failovers_total"
             and k[1] == f"target={location}/{PAGE}"}
    assert found.keys() == REASONS
    return {reason: count for reason, count in found.items() if count}


@pytest.mark.parametrize("fault, outcome, reason", [
    ("http_503", "overloaded", "UPSTREAM_UNAVAILABLE"),
    ("http_500", "overloaded", "UPSTREAM_INTERNAL"),
    ("http_504", "overloaded", "UPSTREAM_TIMEOUT"),
    ("reset", "unreached", "UPSTREAM_BROKEN"),
    ("http_429", "throttled", "UPSTREAM_QUOTA_EXHAUSTED")])
def test_failover__second_location_answers__first_was_left_for_a_reason(
        emulator, start, fault, outcome, reason):
    server, stub = start(*ON, "--location", "us,eu")
    place(emulator, "location=us", fault=fault)
    answer = stub.Generate(Request(prompt="hello"), timeout=30)
    assert answer.serving.location == "eu"
    page = scrape(server)
    assert failovers(page, "us") == {reason: 1}
    assert failovers(page, "eu") == {}
    assert page["vertexd_failovers_total"] == 1
    for location, end in (("us", outcome), ("eu", "served")):
        assert page.of_target("calls_started_total", location) == 1
        assert {k[2]: v for k, v in page.items()
                if k[0] == "vertexd_target_calls_ended_total"
                and k[1].startswith(f"target={location}/") and v} == {
                    f"outcome={end}": 1}


def test_failover__first_location_is_dead__breaker_opens(emulator, start):
    port = port_of(emulator)
    with dead_port() as dead:
        server, stub = start(*ON, "--location", f"{dead},{port}",
                             base_url="http://127.0.0.1:{location}")
        for i in range(10):
            stub.Generate(Request(prompt=f"question {i}"), timeout=30)
        page = scrape(server)
    moved = page["vertexd_failovers_total"]
    assert moved >= 8
    assert failovers(page, dead) == {"UPSTREAM_UNREACHABLE": moved}
    assert page.of_target("breaker_opened_total", dead) == 1
    states = {state: page.of_target("breaker_state", dead, f"state={state}")
              for state in ("closed", "open", "half_open")}
    assert states["closed"] == 0 and sum(states.values()) == 1
    assert page.of_target("breaker_state", port, "state=closed") == 1
    assert page.of_target("calls_ended_total", port, "outcome=served") == 10


def test_quota__refusals_and_the_rate_that_they_teach(emulator, start):
    server, stub = start(*ON)
    emulator.defaults(quota_rps=40, quota_burst=2, latency_ms=20)
    batch = Batch(stub.BatchGenerate(BatchRequest(
        prompts=[f"question {i}" for i in range(100)], max_concurrency=100),
        timeout=60))
    assert batch.codes == ["OK"] * 100
    page = scrape(server)
    throttled = page.of_target(
        "calls_ended_total", "global", "outcome=throttled")
    assert throttled == emulator.stats()["throttled"] > 0
    assert throttled == page["vertexd_requeues_total"]
    assert page.of_target("calls_ended_total", "global", "outcome=served") == 100
    assert 1 < page.of_target("rate_limit_calls_per_second", "global") < 1000


def test_targets__more_than_there_is_room_for__busiest_and_how_many(
        emulator, start):
    server, stub = start(*ON)
    for i in range(70):
        for _ in range(2 if i >= 60 else 1):
            stub.Generate(Request(prompt="p", model=f"m{i}"), timeout=30)
    page = scrape(server)
    name = "vertexd_target_calls_started_total"
    there = {k[1].rsplit("/m", 1)[1] for k in page if k[0] == name}
    assert len(there) == 64 and {str(i) for i in range(60, 70)} <= there
    assert page["vertexd_targets_left_out"] == 6


# Many, and those that mean no good.

def test_scrapes__twenty_at_once_beside_a_batch__all_right(emulator, start):
    server, stub = start(*ON)
    batch = stub.BatchGenerate(BatchRequest(
        prompts=["p" + control(latency="20ms")] * 1000, max_concurrency=50))
    assert eventually(lambda: emulator.stats()["in_flight"] > 0)
    pages = [[] for _ in range(20)]

    def scrape_some(into):
        for _ in range(5):
            into.append(scrape(server))

    threads = [threading.Thread(target=scrape_some, args=(into,))
               for into in pages]
    for thread in threads:
        thread.start()
    assert Batch(batch).codes == ["OK"] * 1000
    for thread in threads:
        thread.join(60)
    for seen in pages:
        assert len(seen) == 5
        jobs = [page["vertexd_jobs_total"] for page in seen]
        assert jobs == sorted(jobs) and jobs[-1] <= 1000
        assert {page["vertexd_calls_total"] for page in seen} == {1}
    assert scrape(server)["vertexd_jobs_total"] == 1000


def test_peers__half_a_request_left_open__others_are_served(start):
    server, _ = start(*ON)
    with contextlib.ExitStack() as stack:
        for said in (b"", b"GET", b"GET /metrics HTTP/1.1\r\nHost: h\r\nA",
                     b"POST /metrics HTTP/1.1\r\nHost: h\r\n"
                     b"Content-Length: 1000000\r\n\r\nbegin"):
            stack.enter_context(raw(server)).sendall(said)
        assert scrape(server)


def test_peers__fill_it_with_half_requests__cut_when_their_time_is_over(start):
    """The next ones come from the backlog, after ten seconds."""
    server, _ = start(*ON)
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(raw(server)) for _ in range(16)]
        for peer in peers:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\nA")
        assert scrape(server)
        for peer in peers:
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(1) == b""


def test_peers__leave_in_the_middle__nothing_is_left(start):
    server, _ = start(*ON)
    before = scrape(server)["process_open_fds"]
    for i in range(100):
        with raw(server) as peer:
            if i % 2:
                peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"[:i])
    assert eventually(lambda: scrape(server)["process_open_fds"] <= before)


@pytest.mark.parametrize("size", [10_000, 1_000_000])
def test_request__very_long_header__refused(start, size):
    server, _ = start(*ON)
    for text in (b"GET /metrics HTTP/1.1\r\nHost: h\r\nA: " + b"a" * size,
                 b"GET /metrics?" + b"a" * size + b" HTTP/1.1\r\nHost: h"):
        with raw(server) as peer, contextlib.suppress(ConnectionError):
            peer.sendall(text + b"\r\n\r\n")
            answer = peer.recv(100)
            assert not answer or re.match(rb"HTTP/1\.1 4(00|13|14|31) ", answer)
    assert scrape(server)


def test_request__no_http__no_page(start):
    server, _ = start(*ON)
    with raw(server) as peer, contextlib.suppress(ConnectionError):
        peer.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")
        assert b" 200 " not in peer.recv(100)
    assert scrape(server)


# The end.

def test_drain__metrics_are_there_until_it_is_over(emulator, start):
    server, stub = start(*ON, "--drain-timeout", "10m")
    call = stub.Generate.future(Request(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    server.child.send_signal(signal.SIGTERM)
    assert server.wait_for(lambda: '"draining"' in server.log(), 5)
    page = scrape(server)
    assert page["vertexd_calls_in_flight"] == 1
    assert page.of_target("calls_in_flight", "global") == 1
    assert server.stop() == 0
    with pytest.raises(grpc.RpcError):
        call.result()
    with pytest.raises(ConnectionError):
        ask(server)


@contextlib.contextmanager
def scrapers(server, count):
    """So many threads that scrape it on and on; how often it went well."""
    over = threading.Event()
    done = [0] * count

    def scrape_on(index):
        while not over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                done[index] += ask(server)[0].status == 200

    threads = [threading.Thread(target=scrape_on, args=(i,))
               for i in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(done)
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


@pytest.mark.parametrize("emulated", [False, True])
def test_end__among_scrapes__clean(emulator, emulated):
    """Ten times over, since it is about moments."""
    upstream = ("--emulate",) if emulated else (
        "--base-url", emulator.url, "--project", "e2e", "--api-key", "k",
        "--default-model", MODEL, *ONE_ATTEMPT)
    for _ in range(10):
        server = Vertexd(*ON, *upstream).start()
        with scrapers(server, 8) as done, raw(server) as half:
            half.sendall(b"GET /metrics HTTP/1.1\r\n")
            assert eventually(lambda: done() >= 20)
            assert server.stop(timeout=20) == 0, server.log()
