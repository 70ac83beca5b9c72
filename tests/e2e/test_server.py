"""The program vertexd: flags, sockets, signals and logs."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time

import grpc
import pytest
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc

from calls import Batch, fails
from harness import (ONE_ATTEMPT, Vertexd, binary, control, eventually,
                     free_port)

Request = vertexd_pb2.GenerateRequest


def run(*arguments, **env):
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("VERTEXD_", "GOOGLE_", "GCP_"))}
    return subprocess.run(
        [str(binary("VERTEXD_BIN", "vertexd")), *map(str, arguments)],
        capture_output=True, text=True, timeout=30, env=clean | env,
        check=False)


@pytest.mark.parametrize("flags, named", [
    (["--no-such-flag"], "--no-such-flag"),
    (["--emulate", "--max-in-flight", "many"], "max-in-flight"),
    (["--emulate", "--max-in-flight", "-1"], "max-in-flight"),
    (["--emulate", "--max-in-flight", "0"], "max-in-flight"),
    (["--emulate", "--max-batch-items", "1x"], "max-batch-items"),
    (["--emulate", "--max-concurrency-cap", "99999999999999999999"],
     "max-concurrency-cap"),
    (["--emulate", "--default-deadline", "soon"], "default-deadline"),
    (["--emulate", "--listen", "nonsense"], "listen"),
    (["--emulate", "--listen", "127.0.0.1:99999"], "listen"),
    (["--emulate", "--listen"], "listen"),
    (["--emulate", "--metrics-listen", "9464"], "metrics-listen"),
    (["--project", "p", "--api-key", "k", "--base-url", "ftp://x"],
     "base-url"),
    (["--project", "p", "--api-key", "k", "--base-url", "http://u@x/"],
     "base-url"),
    (["--project", "p", "--api-key", "k", "--location", "evil.com/"],
     "location"),
    (["--project", "a/b", "--api-key", "k"], "project"),
    (["--project", "p", "--api-key", "k", "--ca-file", "/no/such/file"],
     "ca-file"),
    (["--project", "p", "--access-token-file", "/no/such/file"],
     "access-token-file"),
    (["--project", "p", "--api-key", "k\nk"], "api-key"),
    (["--emulate", "leftover"], "leftover"),
])
def test_flag__wrong__is_named_and_exits_2(flags, named):
    result = run(*flags)
    assert result.returncode == 2, result.stderr
    assert named in result.stderr
    assert "listening" not in result.stdout


def test_flag__wrong_environment_variable__is_named_and_exits_2():
    result = run("--emulate", VERTEXD_MAX_IN_FLIGHT="x")
    assert result.returncode == 2
    assert "VERTEXD_MAX_IN_FLIGHT" in result.stderr or \
        "max-in-flight" in result.stderr


def test_flag__no_credential__exits_2_and_never_emulates():
    result = run("--project", "p", "--default-model", "m")
    assert result.returncode == 2
    assert "listening" not in result.stdout


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_listen__beyond_loopback__needs_allow_plaintext(address):
    result = run("--emulate", "--listen", address)
    assert result.returncode == 2
    assert "allow-plaintext" in result.stderr


def test_listen__beyond_loopback_allowed__works(start):
    server, _ = start("--emulate", "--allow-plaintext", plain=True,
                      listen="0.0.0.0:0")
    assert ":0" not in server.target


def test_flag__help_and_version__exit_0():
    result = run("--help")
    assert result.returncode == 0
    for flag in ("--listen", "--metrics-listen", "--project", "--location", "--base-url",
                 "--ca-file", "--api-key", "--access-token-file",
                 "--default-model", "--max-concurrency-cap",
                 "--max-in-flight", "--max-batch-items",
                 "--max-request-bytes", "--max-response-bytes",
                 "--memory-budget", "--drain-timeout", "--reader-timeout",
                 "--request-timeout",
                 "--default-deadline", "--allow-plaintext", "--emulate", "--version"):
        assert flag in result.stdout
    assert "VERTEXD_" in result.stdout
    assert run("--version").stdout.startswith("vertexd ")


def test_environment__each_flag__has_a_variable(emulator, start):
    _, stub = start(plain=True, listen=None, env={
        "VERTEXD_LISTEN": "127.0.0.1:0", "VERTEXD_PROJECT": "from-env",
        "VERTEXD_BASE_URL": emulator.url, "VERTEXD_API_KEY": "env-key",
        "VERTEXD_DEFAULT_MODEL": "env-model",
        "VERTEXD_LOCATION": "asia-east1"})
    stub.Generate(Request(prompt="p"))
    request = emulator.only_request()
    assert "/projects/from-env/locations/asia-east1/" in request.path
    assert "/env-model:" in request.path
    assert request.headers["x-goog-api-key"] == "env-key"


@pytest.mark.parametrize("name", ["GOOGLE_CLOUD_PROJECT", "GCP_PROJECT"])
def test_environment__googles_own_variables__count(emulator, start, name):
    _, stub = start("--base-url", emulator.url, "--api-key", "k",
                    plain=True, env={name: "from-google"})
    stub.Generate(Request(prompt="p", model="m"))
    assert "/projects/from-google/" in emulator.only_request().path


def test_environment__a_flag__wins(emulator, start):
    _, stub = start(env={"VERTEXD_PROJECT": "env"})
    stub.Generate(Request(prompt="p"))
    assert "/projects/e2e/" in emulator.only_request().path


def test_listen__port_taken__is_said(server):
    result = run("--emulate", "--listen", server.target)
    assert result.returncode not in (0, 2)
    assert server.target in result.stderr


def test_listen__unix_socket__works_and_replaces_a_stale_one(
        start, tmp_path):
    path = tmp_path / "vertexd.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    _, stub = start("--emulate", "--default-model", "m", plain=True,
                    listen=f"unix:{path}")
    assert stub.Generate(Request(prompt="p")).text


def test_emulate__embedded__needs_neither_project_nor_key(start):
    _, stub = start("--emulate", plain=True)
    answer = stub.Generate(Request(prompt="What is it?", model="any"))
    assert '"What is it?"' in answer.text


def test_drain__sigterm__calls_in_flight_finish_new_ones_do_not(
        emulator, start):
    server, stub = start()
    prompt = "p" + control(hold="drain")
    unary = stub.Generate.future(Request(prompt=prompt))
    batch = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[prompt] * 10, max_concurrency=10))
    assert eventually(lambda: emulator.stats()["in_flight"] == 11)
    server.child.send_signal(signal.SIGTERM)
    assert eventually(lambda: not accepts(server.target))
    with grpc.insecure_channel(server.target) as channel, \
            pytest.raises(grpc.RpcError) as caught:
        vertexd_pb2_grpc.GenerationServiceStub(channel).Generate(
            Request(prompt="new"), timeout=30)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    emulator.release("drain")
    assert unary.result().text
    assert Batch(batch).codes == ["OK"] * 10
    assert server.stop() == 0


def accepts(target):
    host, port = target.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_drain__timeout_over__calls_are_cut_and_it_ends(
        emulator, start, sign):
    server, stub = start("--drain-timeout", "500ms")
    call = stub.Generate.future(Request(prompt="p" + control(latency="60s")))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    begin = time.monotonic()
    server.child.send_signal(sign)
    with fails("UNAVAILABLE", "SERVER_SHUTTING_DOWN"):
        call.result()
    assert server.stop() == 0
    assert time.monotonic() - begin < 15
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


HANGS = "p" + control(latency="60s")


def test_drain__second_signal__ends_calls_at_once(emulator, start):
    server, stub = start("--drain-timeout", "10m")
    call = stub.Generate.future(Request(prompt=HANGS))
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    server.child.send_signal(signal.SIGTERM)
    assert eventually(lambda: not accepts(server.target))
    server.child.send_signal(signal.SIGTERM)
    with fails("UNAVAILABLE", "SERVER_SHUTTING_DOWN"):
        call.result()
    assert server.child.wait(20) == 0


def test_drain__timeout_over__batch_gives_what_it_has(emulator, start):
    """In input order, with the first one missing: nothing was sent before."""
    server, stub = start("--drain-timeout", "200ms")
    call = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[HANGS, "one", "two", HANGS, "never sent"],
        max_concurrency=2))
    assert eventually(lambda: emulator.stats()["requests"] == 4)
    assert eventually(lambda: emulator.stats()["in_flight"] == 2)
    server.child.send_signal(signal.SIGTERM)
    batch = Batch(call)
    assert batch.code == grpc.StatusCode.OK
    assert batch.codes == ["UNAVAILABLE", "OK", "OK", "UNAVAILABLE",
                           "UNAVAILABLE"]
    failed = [r for r in batch.results if r.HasField("error")]
    assert all(r.error.reason == "SERVER_SHUTTING_DOWN" and r.error.retryable
               for r in failed)
    assert [r.attempts for r in failed] == [1, 1, 0]
    assert server.stop() == 0


def test_drain__timeout_over__map_gives_what_it_has(emulator, start):
    server, stub = start("--drain-timeout", "200ms")
    call = stub.MapGenerate.future(vertexd_pb2.MapGenerateRequest(
        template="{item}", items=["zero", HANGS, "two"], max_concurrency=3))
    assert eventually(lambda: emulator.stats()["requests"] == 3)
    assert eventually(lambda: emulator.stats()["in_flight"] == 1)
    server.child.send_signal(signal.SIGTERM)
    answer = call.result()
    assert [r.error.reason for r in answer.results] == [
        "", "SERVER_SHUTTING_DOWN", ""]
    assert answer.summary.succeeded == 2
    assert server.stop() == 0


def test_drain__timeout_over__stream_that_began_is_final(emulator, start):
    server, stub = start("--drain-timeout", "200ms")
    call = stub.StreamGenerate(Request(
        prompt="p" + control(chunks=10, chunk_interval="10s")))
    next(call)
    server.child.send_signal(signal.SIGTERM)
    with fails("UNAVAILABLE", "SERVER_SHUTTING_DOWN"):
        list(call)
    assert server.stop() == 0


@pytest.mark.parametrize("says_all", [True, False])
def test_drain__timeout_over__pipe_fails_unless_all_was_said(
        emulator, start, says_all):
    server, stub = start("--drain-timeout", "200ms")
    more = threading.Event()

    def messages():
        yield vertexd_pb2.PipeGenerateRequest(
            start=vertexd_pb2.PipeStart(max_concurrency=4))
        for prompt in ("zero", HANGS):
            yield vertexd_pb2.PipeGenerateRequest(item=Request(prompt=prompt))
        if not says_all:
            more.wait(60)

    call = stub.PipeGenerate(messages())
    assert eventually(lambda: emulator.stats()["requests"] == 2)
    server.child.send_signal(signal.SIGTERM)
    seen = []
    with contextlib.nullcontext() if says_all else \
            fails("UNAVAILABLE", "SERVER_SHUTTING_DOWN"):
        for message in call:
            seen.append(message)
    more.set()
    reasons = {m.result.index: m.result.error.reason for m in seen
               if m.WhichOneof("event") == "result"}
    assert reasons == {0: "", 1: "SERVER_SHUTTING_DOWN"}
    assert seen[-1].WhichOneof("event") == "summary"
    assert server.stop() == 0


def test_restart__callers_with_wait_for_ready__do_not_notice(
        emulator, start):
    target = f"127.0.0.1:{free_port()}"
    server, stub = start(listen=target)
    assert stub.Generate(Request(prompt="before")).text
    assert server.stop() == 0
    results = []
    waiting = threading.Thread(target=lambda: results.append(stub.Generate(
        Request(prompt="between"), wait_for_ready=True, timeout=30)))
    waiting.start()
    start(listen=target)
    waiting.join(30)
    assert results and '"between"' in results[0].text


def test_counters__sigusr1__one_line_of_json(emulator, server, stub):
    call = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(latency="60s")] * 7, max_concurrency=7))
    assert eventually(lambda: emulator.stats()["in_flight"] == 7)
    counters = server.counters()
    assert counters["calls"] == 1 and counters["flows"] == 1
    assert counters["transfers"] == 7
    assert counters["arenas"] > 0
    assert {"bytes", "descriptors"} <= counters.keys()
    call.cancel()


def test_log__is_json_and_has_neither_prompts_nor_secrets(emulator, start):
    server, stub = start(*ONE_ATTEMPT)
    secret = "WORDS-OF-THE-PROMPT"
    for fault in ("http_503", "http_400", "not_json", "reset"):
        with pytest.raises(grpc.RpcError):
            stub.Generate(Request(prompt=secret + control(fault=fault),
                                  id=secret))
    with fails("INTERNAL", "JSON_INVALID"):
        stub.Generate(Request(prompt=secret + control(invalid_json=1),
                              return_json=True))
    Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[secret + control(fault="http_500")])))
    with fails("INVALID_ARGUMENT"):
        stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
            template="{" + secret + "}", items=["x"]))
    assert server.stop() == 0
    assert len(server.lines) >= 6
    for line in server.lines:
        json.loads(line)
    assert secret not in server.log()
    assert "e2e-key" not in server.log()


def test_log__a_failed_call__has_method_code_and_reason(emulator, start):
    server, stub = start(*ONE_ATTEMPT)
    with fails("UNAVAILABLE"):
        stub.Generate(Request(prompt="p" + control(fault="http_503")))
    line = server.wait_for(
        lambda: next((x for x in server.lines if "Generate" in x), None), 5)
    entry = json.loads(line)
    assert "UNAVAILABLE" in line and "UPSTREAM_UNAVAILABLE" in line
    assert any("GenerationService/Generate" in str(v)
               for v in entry.values())


def test_memory__ten_thousand_calls__do_not_add_up(emulator, start):
    # Where it is built with ASan, freed memory shall not be kept.
    server, stub = start(env={"ASAN_OPTIONS": "quarantine_size_mb=1"})

    def burst(count):
        Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=["some words"] * count, max_concurrency=50)))

    def resident():
        with open(f"/proc/{server.child.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096

    burst(2000)
    before = resident()
    for _ in range(4):
        burst(2000)
    assert resident() - before < 20 << 20
