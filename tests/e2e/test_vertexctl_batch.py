"""vertexctl batch and map of files: formats, resuming, crashes on both sides."""

import collections
import csv
import json
import os
import random
import signal
import subprocess
import time

import pytest

import goaway
import harness
from harness import control, eventually

CTL = ("VERTEXCTL_BIN", "vertexctl")


class Run:
    """One vertexctl on a file."""

    def __init__(self, target, *words):
        targets = [target] if isinstance(target, str) else target
        flags = [w for t in targets for w in ("--target", t)]
        self.child = subprocess.Popen(
            [harness.binary(*CTL), *map(str, words), *flags], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)

    def end(self, timeout=60):
        self.stdout, self.stderr = self.child.communicate(timeout=timeout)
        return self.child.returncode


def run(target, *words, stdin=None):
    return subprocess.run(
        [harness.binary(*CTL), *map(str, words)], text=True, input=stdin or "",
        capture_output=True, timeout=60, check=False,
        env=os.environ | {"VERTEXD_ADDRESS": target})


def whole_lines(path):
    """The lines that are there, without one that is not whole."""
    if not path.exists():
        return []
    return [line for line in path.read_text().splitlines(keepends=True)
            if line.endswith("\n")]


def results(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def by_id(path):
    """The results by id, each of which is there once."""
    found = results(path)
    assert not [i for i, n in collections.Counter(
        r["id"] for r in found).items() if n > 1]
    return {r["id"]: r for r in found}


def wait_for_lines(path, count):
    assert harness.eventually(lambda: len(whole_lines(path)) >= count, 20)


@pytest.fixture
def files(tmp_path):
    """An input of so many prompts, and where the output goes."""
    def make(count, prompt="prompt {}"):
        path = tmp_path / "in.txt"
        path.write_text("".join(f"{prompt.format(i)}\n"
                                for i in range(1, count + 1)))
        return path, tmp_path / "out.jsonl"
    return make


def test_json_lines__prompt_id_and_settings__reach_the_upstream(
        server, emulator, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(
        {"id": "one", "prompt": "first", "generation_config":
         {"temperature": 0.5, "maxOutputTokens": 99}}) + "\n")
    done = run(server.target, "batch", "--input", path, "--system", "be brief")
    assert done.returncode == 0, done.stderr
    [line] = [json.loads(l) for l in done.stdout.splitlines()]
    assert line["id"] == "one" and "first" in line["text"]
    assert line["usage"]["total_tokens"] > 0 and line["attempts"] == 1
    request = emulator.only_request()
    assert request.prompt == "first"
    assert request.body["generationConfig"] == {"temperature": 0.5,
                                                "maxOutputTokens": 99}
    assert request.body["systemInstruction"]["parts"] == [{"text": "be brief"}]


def test_csv__columns_prompt_and_id__unquoted(server, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([
            ["id", "prompt"], ["a", "plain"], ["b", 'with "quotes", comma'],
            ["c", "two\nlines"]])
    done = run(server.target, "batch", "--input", path, "--output-file", out)
    assert done.returncode == 0, done.stderr
    found = by_id(out)
    assert set(found) == {"a", "b", "c"}
    assert "plain" in found["a"]["text"]
    assert 'with "quotes", comma' in found["b"]["text"]


def test_text_from_stdin__ids_are_line_numbers(server):
    done = run(server.target, "batch", "--input", "-", "--format", "text",
               stdin="one\n\nthree\n")
    assert done.returncode == 0, done.stderr
    assert {json.loads(l)["id"] for l in done.stdout.splitlines()} == {"1", "3"}


def test_answer_over_four_mebibytes__is_taken(server, tmp_path):
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text(control(words=1000000) + " muchmore\n")
    done = run(server.target, "batch", "--input", path, "--output-file", out)
    assert done.returncode == 0, done.stderr
    assert len(by_id(out)["1"]["text"]) > 4 << 20


def test_slow_stdin__results_do_not_wait_for_more_input(server):
    child = subprocess.Popen(
        [harness.binary(*CTL), "batch", "--input", "-", "--format", "text",
         "--target", server.target], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for number in ("1", "2"):
        child.stdin.write(f"prompt {number}\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["id"] == number
    child.communicate(timeout=20)
    assert child.returncode == 0


def test_map__csv_row_is_the_item(server, emulator, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("id,name,colour\nx,apple,red\n")
    done = run(server.target, "map", "--template",
               "Is {item.name} {item.colour}?", "--input", path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"] == "x"
    assert emulator.only_request().prompt == "Is apple red?"


def test_map__many_items_in_many_calls__each_once(server, tmp_path):
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps({"id": f"i{i}", "n": i}) + "\n"
                            for i in range(700)))
    done = run(server.target, "map", "--template", "number {item.n}.", "-c", 9,
               "--input", path, "--output-file", out)
    assert done.returncode == 0, done.stderr
    found = by_id(out)
    assert len(found) == 700
    assert all(f"number {i}." in found[f"i{i}"]["text"] for i in range(700))


def test_failed_item__its_error_is_its_line__exit_1(server, tmp_path):
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("good\n" + control(fault="http_400") + " bad\nfine\n")
    done = run(server.target, "batch", "--input", path, "--output-file", out)
    assert done.returncode == 1
    found = by_id(out)
    assert found["2"]["error"]["code"] == "INVALID_ARGUMENT"
    assert "good" in found["1"]["text"] and "fine" in found["3"]["text"]


def test_max_concurrency__of_all_calls_together(server, emulator, files):
    path, out = files(60)
    emulator.defaults(latency_ms=30)
    done = run(server.target, "batch", "--input", path, "--output-file", out,
               "-c", 7, "--calls", 3)
    assert done.returncode == 0, done.stderr
    assert len(by_id(out)) == 60
    assert emulator.stats()["peak_in_flight"] == 7


@pytest.mark.parametrize("name, content, message", [
    ("in.jsonl", '{"prompt":"a"}\n{"promt":"b"}\n', "line 2"),
    ("in.jsonl", '{"prompt":"a"}\n{"prompt":"b"}}\n', "line 2"),
    ("in.jsonl", '{"prompt":"a","id":"q"}\n\n{"prompt":"b","id":"q"}\n',
     "lines 1 and 3"),
    ("in.jsonl", '{"prompt":"a"}\n{"prompt":"b","id":1}\n', "lines 1 and 2"),
    ("in.csv", "prompt,extra\na,b\n", "line 1"),
    ("in.csv", 'prompt\n"never closed\n', "line 2"),
])
def test_bad_input__named_before_anything_is_sent__exit_2(
        server, emulator, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    done = run(server.target, "batch", "--input", path)
    assert done.returncode == 2
    assert message in done.stderr and not done.stdout
    assert emulator.stats()["requests"] == 0


def test_bad_line_of_stdin__what_was_before_is_written__exit_2(server):
    done = run(server.target, "batch", "--input", "-", "--format", "jsonl",
               stdin='{"prompt":"a"}\n{}\n')
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert json.loads(done.stdout)["id"] == "1"


@pytest.mark.parametrize("words", [
    ("generate", "--input", "x.txt"), ("batch", "a", "--input", "x.txt"),
    ("batch", "--input", "x.dat"), ("batch", "a", "--resume"),
    ("batch", "--input", "x.txt", "--resume"),
    ("batch", "--input", "x.txt", "--format", "xml"),
    ("batch", "--input", "x.txt", "--output-file", "o", "--retry-failed"),
    ("batch", "--input", "x.txt", "--progress", "--quiet"),
    ("batch", "--input", "x.txt", "--calls", "0"),
    ("batch", "--input", "x.txt", "--calls", "257"),
    ("batch", "--input", "x.txt", "--output-file", "x.txt"),
    ("map", "--input", "x.txt", "--template", "{index} {item}"),
    ("batch", "--input", "/no/such/file.txt"),
    ("batch", "--input", "x.txt", "-t", "unix:/a", "-t", "unix:/b"),
])
def test_wrong_usage__exit_2(server, words):
    done = run(server.target, *words)
    assert done.returncode == 2
    assert done.stderr and not done.stdout


def test_resume__skips_answers_and_failures__retry_failed_does_those(
        server, emulator, tmp_path):
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("one\n" + control(fault="http_400", fail_times=1,
                                      key="retry") + " two\n")
    words = ("batch", "--input", path, "--output-file", out)
    assert run(server.target, *words).returncode == 1
    assert run(server.target, *words).returncode == 6
    with path.open("a") as file:
        file.write("three\n")
    assert run(server.target, *words, "--resume").returncode == 1
    assert emulator.stats()["requests"] == 3
    assert "error" in by_id(out)["2"]
    done = run(server.target, *words, "--resume", "--retry-failed")
    assert done.returncode == 0, done.stderr
    assert emulator.stats()["requests"] == 4
    assert all("text" in r for r in by_id(out).values())
    assert len(by_id(out)) == 3


def test_resume__torn_last_line__done_again(server, emulator, files):
    path, out = files(20)
    words = ("batch", "--input", path, "--output-file", out)
    assert run(server.target, *words).returncode == 0
    text = out.read_text()
    out.write_text(text[:-10])
    done = run(server.target, *words, "--resume")
    assert done.returncode == 0 and "torn" in done.stderr
    assert len(by_id(out)) == 20
    assert emulator.stats()["requests"] == 21


def test_sigint__what_is_in_flight_is_written__exit_130(
        server, emulator, files):
    path, out = files(400)
    emulator.defaults(latency_ms=50)
    words = ("batch", "-c", 5, "--input", path, "--output-file", out)
    child = Run(server.target, *words)
    wait_for_lines(out, 20)
    child.child.send_signal(signal.SIGINT)
    assert child.end() == 130
    assert "--resume" in child.stderr
    answered = len(by_id(out))
    assert 20 <= answered < 400
    assert emulator.stats()["requests"] == answered  # nothing was thrown away
    emulator.defaults(latency_ms=0)
    assert run(server.target, *words, "--resume").returncode == 0
    assert len(by_id(out)) == 400
    assert emulator.stats()["requests"] == 400


def test_second_signal__ends_at_once(server, emulator, files):
    path, out = files(50, control(latency="20s") + " {}")
    child = Run(server.target, "batch", "--input", path, "--output-file", out)
    assert harness.eventually(lambda: emulator.stats()["requests"] > 0)
    child.child.send_signal(signal.SIGTERM)
    while child.child.poll() is None:  # two at a time may be heard as one
        time.sleep(0.3)
        child.child.send_signal(signal.SIGTERM)
    assert child.end() == 130
    assert out.read_text() == ""


def test_stop_on_error__the_rest_has_no_result__exit_5(
        server, emulator, tmp_path):
    path, out = tmp_path / "in.txt", tmp_path / "out.jsonl"
    path.write_text("".join("%s%d\n" % (
        control(fault="http_400") if i == 3 else "", i) for i in range(300)))
    words = ("batch", "-c", 1, "--input", path, "--output-file", out)
    assert run(server.target, *words, "--stop-on-error").returncode == 5
    assert len(by_id(out)) < 300
    assert run(server.target, *words, "--resume").returncode == 1
    found = by_id(out)
    assert len(found) == 300
    assert [i for i, r in found.items() if "error" in r] == ["4"]


def test_timeout__of_the_whole_run__exit_5_and_resumable(
        server, emulator, files):
    path, out = files(200)
    emulator.defaults(latency_ms=50)
    words = ("batch", "-c", 2, "--input", path, "--output-file", out)
    done = run(server.target, *words, "--timeout", "1s")
    assert done.returncode == 5, done.stderr
    assert 0 < len(by_id(out)) < 200
    emulator.defaults(latency_ms=0)
    assert run(server.target, *words, "--resume", "--retry-failed",
               "-c", 20).returncode == 0
    assert all("text" in r for r in by_id(out).values())
    assert len(by_id(out)) == 200


def test_kill_of_vertexctl__resume__each_id_answered_once(
        server, emulator, files):
    path, out = files(600)
    emulator.defaults(latency_ms=10)
    words = ("batch", "-c", 10, "--input", path, "--output-file", out)
    dice = random.Random(4)
    for count in sorted(dice.sample(range(1, 550), 4)):
        child = Run(server.target, *words, "--resume")
        wait_for_lines(out, count)
        child.child.kill()
        child.end()
    assert run(server.target, *words, "--resume").returncode == 0
    assert set(by_id(out)) == {str(i) for i in range(1, 601)}
    assert all("text" in r for r in by_id(out).values())
    # What may be paid for twice is what a kill finds under way: with the
    # upstream, or answered and not yet written.
    assert emulator.stats()["requests"] <= 600 + 4 * 25


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_restart_of_the_server__goes_on_by_itself(
        start, emulator, files, tmp_path, sign):
    path, out = files(500)
    emulator.defaults(latency_ms=20)
    listen = f"unix:{tmp_path}/socket"
    server, _ = start(listen=listen)
    child = Run(server.target, "batch", "-c", 10, "--input", path,
                "--output-file", out, "--progress")
    wait_for_lines(out, 50)
    if sign == signal.SIGKILL:
        server.child.kill()
        server.child.wait()
        os.unlink(f"{tmp_path}/socket")
    else:
        server.stop(sign)
    start(listen=listen)
    assert child.end() == 0, child.stderr
    assert set(by_id(out)) == {str(i) for i in range(1, 501)}
    assert all("text" in r for r in by_id(out).values())


@pytest.mark.parametrize("command", [
    ("batch",), ("map", "--template", "{item}")])
def test_server_cuts_its_drain_short__goes_on_by_itself(
        start, emulator, files, tmp_path, command):
    """What comes back with SERVER_SHUTTING_DOWN is no result."""
    path, out = files(60)
    emulator.defaults(latency_ms=60_000)
    listen = f"unix:{tmp_path}/socket"
    server, _ = start("--drain-timeout", "100ms", listen=listen)
    child = Run(server.target, *command, "-c", 10, "--input", path,
                "--output-file", out)
    assert eventually(lambda: emulator.stats()["in_flight"] >= 10)
    server.stop()
    emulator.defaults(latency_ms=0)
    start(listen=listen)
    assert child.end() == 0, child.stderr
    assert set(by_id(out)) == {str(i) for i in range(1, 61)}
    assert all("text" in r for r in by_id(out).values())


def test_connection_goes_away_as_the_call_begins__each_answer_is_its_own(
        server, files):
    """gRPC's core, left to itself, would make the call again and lose one of
    its messages, so that every answer behind it went to another id."""
    path, out = files(60, "number {} " + "x" * 50_000)
    proxy = goaway.Proxy(server.target)
    child = Run(proxy.target, "batch", "-c", 10, "--input", path,
                "--output-file", out)
    assert child.end() == 0, child.stderr
    proxy.close()
    assert proxy.refused == 1
    answers = by_id(out)
    assert len(answers) == 60
    for number, answer in answers.items():
        assert f'"number {number} ' in answer["text"]


# Somewhat too large is what the server refuses, much too large what its core does.
@pytest.mark.parametrize("command", [
    ("batch",), ("map", "--template", "{item}")])
@pytest.mark.parametrize("size", [110_000, 1_000_000])
def test_item_too_large_for_the_server__not_sent_again__exit_3(
        start, emulator, tmp_path, size, command):
    server, _ = start("--max-request-bytes", "100000")
    path = tmp_path / "in.txt"
    path.write_text("one\ntwo\n" + "x" * size + "\nthree\n")
    done = run(server.target, *command, "--input", path, "-c", 1,
               "--output-file", tmp_path / "out.jsonl")
    assert done.returncode == 3, done.stderr
    assert "next try" not in done.stderr
    assert emulator.stats()["requests"] <= 2
    # The same command again would stop there again.
    assert "--resume" not in done.stderr
    assert "too large for the server" in done.stderr
    assert "id 3, line 3, " in done.stderr


def test_server_gone_for_good__gives_up__exit_4(start, emulator, files):
    path, out = files(500)
    emulator.defaults(latency_ms=20)
    server, _ = start()
    child = Run(server.target, "batch", "--input", path, "--output-file", out,
                "--max-reconnects", 2)
    wait_for_lines(out, 10)
    server.child.kill()
    assert child.end() == 4
    assert "--resume" in child.stderr
    assert 10 <= len(by_id(out)) < 500


def test_two_servers__share_the_work(start, emulator, files):
    path, out = files(800)
    emulator.defaults(latency_ms=20)
    servers = [start()[0] for _ in range(2)]
    child = Run([s.target for s in servers], "batch", "-c", 10, "--input", path,
                "--output-file", out)
    assert child.end() == 0, child.stderr
    assert len(by_id(out)) == 800
    shares = [s.counters()["jobs_total"] for s in servers]
    assert sum(shares) == 800 and min(shares) > 200


def test_two_servers__one_killed__the_other_does_the_rest(
        start, emulator, files):
    path, out = files(600)
    emulator.defaults(latency_ms=20)
    servers = [start()[0] for _ in range(2)]
    child = Run([s.target for s in servers], "batch", "-c", 10, "--input", path,
                "--output-file", out)
    wait_for_lines(out, 200)
    servers[0].child.kill()
    assert child.end() == 0, child.stderr
    assert set(by_id(out)) == {str(i) for i in range(1, 601)}


def test_progress__lines_where_stderr_is_no_terminal(server, emulator, files):
    path, out = files(120)
    emulator.defaults(latency_ms=500)
    done = run(server.target, "batch", "-c", 10, "--input", path,
               "--output-file", out, "--progress")
    assert done.returncode == 0, done.stderr
    assert "/120 (" in done.stderr and "ETA" in done.stderr
    assert "120 answered" in done.stderr


def test_full_disk__exit_6(server, files):
    path, _ = files(20)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [harness.binary(*CTL), "batch", "--input", path, "--target",
             server.target], stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False)
    assert done.returncode == 6
    assert "cannot be written" in done.stderr
