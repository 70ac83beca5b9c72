"""The programs in examples/python do what they show."""

import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

from harness import ROOT, STUBS, eventually, free_port

HERE = ROOT / "examples" / "python"


@pytest.fixture
def environment(server):
    return os.environ | {"PYTHONPATH": str(STUBS),
                         "VERTEXD_ADDRESS": server.target}


@pytest.fixture
def run(environment):
    def running(name, **env):
        result = subprocess.run(
            [sys.executable, str(HERE / name)], env=environment | env,
            capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout
    return running


def test_example__basic(emulator, run):
    assert '"What is quantum computing?"' in run("basic.py")


def test_example__model_from_the_environment(emulator, run):
    run("basic.py", VERTEXD_MODEL="chosen")
    assert "/chosen:" in emulator.only_request().path


def test_example__batch(emulator, run):
    blocks = run("batch.py").strip().split("\n\n")
    for kind, block in zip(("machine", "deep", "reinforcement"), blocks):
        prompt, answer = block.split("\n", 1)
        assert prompt == f"Prompt: What is {kind} learning?"
        assert answer.startswith("Response: ")
        assert f'"What is {kind} learning?"' in answer


def test_example__map(emulator, run):
    text = run("map.py")
    for item in ("TensorFlow", "PyTorch", "scikit-learn"):
        assert f"Framework: {item}" in text
        assert f'"What are the main features of {item}?"' in text


def test_example__map_function(emulator, run):
    text = run("map_function.py")
    for item in ("Python", "JavaScript", "Rust"):
        assert f"Language: {item}" in text
        assert f"the {item} programming language" in text


def test_example__error_handling(emulator, run):
    assert '"What is quantum computing?"' in run("error_handling.py")
    emulator.defaults(fault="http_503")
    assert "Error generating content: UNAVAILABLE" in \
        run("error_handling.py")


def test_example__max_concurrency(emulator, run):
    emulator.defaults(latency_ms=50)
    lines = run("max_concurrency.py").splitlines()
    for i, line in enumerate(lines[:20]):
        assert line.startswith(f"{i} ") and f"number {i}." in line
    assert emulator.stats()["peak_in_flight"] == 5


def test_example__timeout(emulator, run):
    assert '"What is quantum computing?"' in run("timeout.py")
    assert 25 < int(
        emulator.only_request().headers["x-server-timeout"]) <= 30
    emulator.defaults(fault="http_504")
    assert "The operation timed out" in run("timeout.py")


def test_example__parallel(emulator, run):
    text = run("parallel.py")
    assert "Task 1 Result:" in text and "Task 3 Result:" in text
    assert len(emulator.requests(10)) == 5


def test_example__fastapi(emulator, environment):
    port = free_port()
    service = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--port", str(port), "--log-level",
         "warning", "fastapi_endpoint:app"], cwd=HERE, env=environment)

    def get():
        prompt = urllib.parse.quote("What is it?")
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/generate?prompt={prompt}",
                    timeout=20) as answer:
                return answer.read().decode()
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            return None

    try:
        text = eventually(get, 30)
        assert text.startswith('{"response":')
        assert '\\"What is it?\\"' in text
    finally:
        service.terminate()
        service.wait()


def test_example__readme__its_command_makes_the_stubs(tmp_path):
    """The README's protoc line, run as written but for the output."""
    readme = (HERE / "README.md").read_text()
    line = next(x for x in readme.splitlines() if "grpc_tools.protoc" in x)
    line = line.replace("python ", f"{sys.executable} ", 1).replace(
        "_out=.", f"_out={tmp_path}")
    subprocess.run(line, shell=True, cwd=HERE, check=True)
    assert (tmp_path / "vertexd" / "v1" / "vertexd_pb2_grpc.py").exists()
