"""What a person types: grpcurl without any proto file, and the health probe."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from harness import MODEL, ROOT, control

SERVICE = "vertexd.v1.GenerationService"


def tool(name):
    """A program of script/go-tools; the test is skipped where it cannot be."""
    here = pathlib.Path(os.environ.get("VERTEXD_GO_BIN",
                                       ROOT / "build" / "go-bin"))
    found = shutil.which(name, path=f"{here}:{os.environ['PATH']}")
    if not found:
        pytest.skip(f"needs go 1.24 ({name} comes from script/go-tools)")
    return found


@pytest.fixture
def grpcurl(server):
    program = tool("grpcurl")

    def run(*arguments, check=True):
        result = subprocess.run(
            [program, "-plaintext",
             *(server.target if a == "H" else a for a in arguments)],
            capture_output=True, text=True, timeout=60, check=False)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    return run


def messages(text):
    """The JSON values that grpcurl printed, one after the other."""
    decoder, found = json.JSONDecoder(), []
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:].strip()
    return found


def test_grpcurl__list_and_describe__need_no_proto_file(emulator, grpcurl):
    assert SERVICE in grpcurl("H", "list").stdout.split()
    methods = grpcurl("H", "list", SERVICE).stdout.split()
    assert {f"{SERVICE}.{m}" for m in (
        "BatchGenerate", "CountTokens", "Generate", "MapGenerate",
        "StreamGenerate", "StreamMapGenerate")} <= set(methods)
    text = grpcurl("H", "describe", SERVICE).stdout
    assert "rpc Generate" in text
    assert "optional float temperature" in grpcurl(
        "H", "describe", "vertexd.v1.GenerationConfig").stdout
    assert "ErrorInfo" in grpcurl(
        "H", "describe", "google.rpc.ErrorInfo").stdout


def test_grpcurl__as_typed__generate(emulator, grpcurl):
    answer, = messages(grpcurl(
        "-max-time", "30", "-d",
        f'{{"model":"{MODEL}","prompt":"What is quantum computing?"}}',
        "H", f"{SERVICE}/Generate").stdout)
    assert '"What is quantum computing?"' in answer["text"]


def test_grpcurl__as_typed__batch(emulator, grpcurl):
    events = messages(grpcurl(
        "-d", f'{{"defaults":{{"model":"{MODEL}"}},"prompts":'
        '["What is machine learning?","What is deep learning?"],'
        '"max_concurrency":3}', "H", f"{SERVICE}/BatchGenerate").stdout)
    assert [e["result"]["index"] for e in events[:2]] == [0, 1]
    assert "deep learning" in events[1]["result"]["response"]["text"]
    assert events[2]["summary"]["succeeded"] == 2


def test_grpcurl__as_typed__map(emulator, grpcurl):
    answer, = messages(grpcurl(
        "-d", f'{{"defaults":{{"model":"{MODEL}"}},"template":'
        '"What are the main features of {item}?","items":'
        '["TensorFlow","PyTorch"],"max_concurrency":3}', "H",
        f"{SERVICE}/MapGenerate").stdout)
    assert "PyTorch" in answer["results"][1]["response"]["text"]


def test_grpcurl__the_other_methods__work_as_well(emulator, grpcurl):
    pieces = messages(grpcurl("-d", '{"prompt":"p"}', "H",
                              f"{SERVICE}/StreamGenerate").stdout)
    assert "".join(p.get("text", "") for p in pieces)
    events = messages(grpcurl(
        "-d", '{"template":"{item.a}","values":[{"a":1},{"a":"x"}]}', "H",
        f"{SERVICE}/StreamMapGenerate").stdout)
    assert len(events) == 3
    count, = messages(grpcurl("-d", '{"prompt":"p"}', "H",
                              f"{SERVICE}/CountTokens").stdout)
    assert count["totalTokens"] > 0


def test_grpcurl__error__prints_its_details(emulator, grpcurl):
    result = grpcurl("-d", '{"prompts":["a"],"max_concurrency":-1}', "H",
                     f"{SERVICE}/BatchGenerate", check=False)
    assert result.returncode != 0
    assert "Code: InvalidArgument" in result.stderr
    assert "google.rpc.ErrorInfo" in result.stderr
    assert "google.rpc.BadRequest" in result.stderr
    assert '"field": "max_concurrency"' in result.stderr
    assert '"domain": "vertexd"' in result.stderr


def test_grpcurl__retry_info__is_printed(emulator, grpcurl):
    prompt = "p" + control(fault="http_429_retryinfo", retry_delay="7s")
    result = grpcurl("-d", json.dumps({"prompt": prompt}), "H",
                     f"{SERVICE}/Generate", check=False)
    assert "Code: ResourceExhausted" in result.stderr
    assert '"retryDelay": "7s"' in result.stderr


def test_health_probe__says_serving(server):
    result = subprocess.run(
        [tool("grpc-health-probe"), "-addr", server.target],
        capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == 0, result.stderr
    assert "SERVING" in result.stdout + result.stderr


def test_buf__lint__passes():
    result = subprocess.run([tool("buf"), "lint"], cwd=ROOT / "proto",
                            capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr
