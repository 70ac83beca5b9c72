"""vertexctl and async_demo, the C client, as a shell sees them."""

import json
import os
import signal
import subprocess
import time

import pytest

import harness
from harness import control, eventually

CTL = ("VERTEXCTL_BIN", "vertexctl")
DEMO = ("ASYNC_DEMO_BIN", "async_demo")


@pytest.fixture
def ctl(server):
    """Runs vertexctl against the shared server."""
    def run(*words, target=None, stdin=""):
        return subprocess.run(
            [harness.binary(*CTL), *words], text=True, input=stdin,
            capture_output=True, timeout=60, check=False,
            env=os.environ | {"VERTEXD_ADDRESS": target or server.target})
    return run


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_generate_as_text(ctl):
    done = ctl("generate", "What is quantum computing?", "--output", "text")
    assert done.returncode == 0, done.stderr
    assert "What is quantum computing?" in done.stdout


def test_generate_as_json_line_when_stdout_is_no_terminal(ctl):
    [line] = lines(ctl("generate", "What is quantum computing?"))
    assert "What is quantum computing?" in line["text"]
    assert line["finish_reason"] == "STOP"
    assert line["usage"]["total_tokens"] > 0


def test_generate_reads_the_whole_of_stdin(ctl):
    done = ctl("generate", stdin="first line\nsecond line\n")
    # Where leaks are looked for, one makes it 1.
    assert done.returncode == 0, done.stderr
    [line] = lines(done)
    assert "second line" in line["text"]


def test_generate_with_schema_prints_the_value(ctl, tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text('{"type":"OBJECT","properties":{"a":{"type":"STRING"}},'
                      '"required":["a"]}')
    [line] = lines(ctl("generate", "x", "--schema", schema))
    assert isinstance(line["json"]["a"], str)


def test_settings_reach_the_upstream(ctl, emulator):
    done = ctl("generate", "x", "--model", "other", "--system", "be brief",
               "--temperature", "0", "--max-output-tokens", "77")
    assert done.returncode == 0, done.stderr
    request = emulator.only_request()
    assert "/models/other:" in request.path
    assert request.body["generationConfig"] == {"temperature": 0,
                                                "maxOutputTokens": 77}
    assert request.body["systemInstruction"]["parts"] == [{"text": "be brief"}]


def test_tier_reaches_the_upstream(ctl, emulator):
    done = ctl("batch", "a", "b", "--tier", "shared-flex")
    assert done.returncode == 0, done.stderr
    for request in emulator.requests(2):
        assert request.headers["x-vertex-ai-llm-request-type"] == "shared"
        assert request.headers["x-vertex-ai-llm-shared-request-type"] == "flex"
    assert ctl("generate", "x", "--tier", "cheap").returncode == 2


def test_stream_prints_pieces_that_make_the_answer(ctl):
    whole = ctl("generate", "tell me", "--output", "text").stdout
    streamed = ctl("stream", "tell me", "--output", "text").stdout
    assert streamed == whole
    pieces = lines(ctl("stream", "tell me"))
    assert len(pieces) > 2
    assert "".join(p["text"] for p in pieces) == whole.rstrip("\n")


def test_batch_keeps_the_order(ctl):
    prompts = [f"prompt number {i}" for i in range(20)]
    done = ctl("batch", *prompts, "--max-concurrency", "7")
    assert done.returncode == 0, done.stderr
    assert [l["index"] for l in lines(done)] == list(range(20))
    for line, prompt in zip(lines(done), prompts):
        assert line["prompt"] == prompt
        assert prompt in line["text"]


def test_batch_reads_a_prompt_a_line(ctl):
    done = ctl("batch", stdin="a\nb\nc\n")
    assert done.returncode == 0, done.stderr
    assert [l["prompt"] for l in lines(done)] == ["a", "b", "c"]


def test_batch_with_a_failed_item_exits_1_and_prints_the_others(ctl):
    done = ctl("batch", "good", control(fault="http_400") + " bad", "fine")
    assert done.returncode == 1
    first, second, third = lines(done)
    assert "good" in first["text"] and "fine" in third["text"]
    assert second["error"]["code"] == "INVALID_ARGUMENT"


def test_map_renders_the_template(ctl, emulator):
    done = ctl("map", "--template", "Explain {item}.", "--item-template",
               "the {item} language", "C", "Rust", "--max-concurrency", "1")
    assert done.returncode == 0, done.stderr
    assert [r.prompt for r in emulator.requests(2)] == \
        ["Explain the C language.", "Explain the Rust language."]


def test_count(ctl):
    [line] = lines(ctl("count", "how many tokens is this?"))
    assert line["total_tokens"] > 0


def test_health(ctl):
    done = ctl("health", "--output", "text")
    assert (done.returncode, done.stdout) == (0, "serving\n")
    assert ctl("health", "no.such.Service").returncode == 3


def test_call_that_fails_exits_3_and_names_reason_and_field(ctl):
    done = ctl("map", "--template", "{nothing}", "x")
    assert done.returncode == 3
    assert "INVALID_ARGUMENT" in done.stderr
    assert "template" in done.stderr


def test_no_server_exits_4(ctl, tmp_path):
    done = ctl("generate", "x", target=f"unix:{tmp_path}/nobody")
    assert done.returncode == 4


def test_timeout_is_the_deadline(ctl, emulator):
    done = ctl("generate", control(latency="10s") + "x", "--timeout", "300ms")
    assert done.returncode == 3
    assert "DEADLINE_EXCEEDED" in done.stderr
    assert harness.eventually(lambda: emulator.stats()["aborted"] == 1)


def test_server_that_stands_still_is_given_up(start, emulator):
    """Without a timeout, and not before: pings are answered at first."""
    server, _ = start()
    with subprocess.Popen(
            [harness.binary(*CTL), "generate", "p" + control(hold="ever"),
             "--keepalive", "10s", "--target", server.target],
            stderr=subprocess.PIPE, text=True) as child:
        assert eventually(lambda: emulator.stats()["in_flight"] == 1)
        time.sleep(35)  # three pings, which the server puts up with
        assert child.poll() is None
        server.child.send_signal(signal.SIGSTOP)
        try:
            _, said = child.communicate(timeout=harness.WAIT)
        finally:
            server.child.send_signal(signal.SIGCONT)
    assert child.returncode == 4 and "UNAVAILABLE" in said
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


@pytest.mark.parametrize("words", [
    ("nonsense",), (), ("generate", "a", "b"), ("map", "a"),
    ("generate", "x", "--timeout", "soon"), ("generate", "x", "--timeout", "0"),
    ("batch", "x", "--max-concurrency", "0"),
    ("batch", "x", "--max-concurrency", "2147483648"),
    ("generate", "x", "--keepalive", "9.9s"),
    ("generate", "x", "--timeout", "3000000h"),
    ("generate", "x", "--output", "xml"), ("generate", "x", "--no-such-flag"),
    ("batch", "x", "--template", "{item}"),
    ("generate", "x", "--schema", "/no/such/file"),
])
def test_wrong_usage_exits_2(ctl, words):
    done = ctl(*words)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_help_names_every_command(ctl):
    done = ctl("--help")
    assert done.returncode == 0
    for command in ("generate", "stream", "batch", "map", "count", "health"):
        assert f"  {command} " in done.stdout


def test_async_demo_runs_its_operations_at_once(server, emulator):
    emulator.defaults(latency_ms=200)
    done = subprocess.run([harness.binary(*DEMO), server.target], text=True,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[first]" in done.stdout and "[second]" in done.stdout
    assert "[map] 3 of 3 answered" in done.stdout
    assert "the Rust programming language" in done.stdout
    assert emulator.stats()["peak_in_flight"] == 5


def test_async_demo_without_a_server_fails(tmp_path):
    done = subprocess.run([harness.binary(*DEMO), f"unix:{tmp_path}/nobody"],
                          text=True, capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 1
