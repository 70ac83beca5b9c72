"""README.md says true: its code blocks are run as they stand there.

Only what differs from machine to machine is put in: the address of the server,
the folder of the programs under test, and the Python environment of the tests
for the one that the reader is told to make.
"""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import harness
from harness import ROOT, free_port
from test_grpcurl import messages, tool

README = (ROOT / "README.md").read_text()


def blocks(heading, language, page=README):
    """The code blocks of that language under that heading."""
    section = re.split(r"^#+ ", page.split(f"# {heading}\n", 1)[1], maxsplit=1,
                       flags=re.MULTILINE)[0]
    found = re.findall(rf"^```{language}\n(.*?)^```", section,
                       re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no {language} under {heading}"
    return found


@pytest.fixture
def here(start):
    """The README's text with the emulating server's address in it."""
    server, _ = start("--emulate", plain=True)

    def fill_in(text):
        return text.replace("127.0.0.1:50051", server.target)
    fill_in.target = server.target
    return fill_in


def shell(text, folder=ROOT, **env):
    result = subprocess.run(
        ["bash", "-euc", text], cwd=folder, env=os.environ | env,
        capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def programs():
    return pathlib.Path(harness.binary("VERTEXD_BIN", "vertexd")).parent


def test_readme__grpcurl__as_pasted(here):
    path = f"{pathlib.Path(tool('grpcurl')).parent}:{os.environ['PATH']}"
    first, second = blocks("The first call: grpcurl", "sh")
    (answer,) = messages(shell(here(first), PATH=path))
    assert '"What is quantum computing?"' in answer["text"]
    *events, mapped = messages(shell(here(second), PATH=path))
    assert [e["result"]["index"] for e in events[:-1]] == [0, 1, 2]
    assert events[-1]["summary"]["succeeded"] == 3
    assert "scikit-learn" in mapped["results"][2]["response"]["text"]


def test_readme__python__as_pasted(here, tmp_path):
    (tmp_path / "proto").symlink_to(ROOT / "proto")
    (commands,) = blocks("The first call: Python", "sh")
    environment, generate = commands.split("\n", 1)
    assert environment.startswith("python3 -m venv .venv && ")
    shell(generate.replace(".venv/bin/python", sys.executable), tmp_path)
    (program,) = blocks("The first call: Python", "python")
    (tmp_path / "first.py").write_text(here(program))
    text = shell(f"{sys.executable} first.py", tmp_path, PYTHONPATH="")
    assert text.count('"What is quantum computing?"') == 2


def test_readme__json__as_pasted(here, tmp_path):
    (imports,) = blocks("The first call: Python", "python")
    (program,) = blocks("JSON answers", "python")
    (tmp_path / "json_answer.py").write_text(
        imports.split("\n\n", 1)[0] + "\n" + here(program))
    text = shell(f"{sys.executable} json_answer.py", tmp_path,
                 PYTHONPATH=str(harness.STUBS))
    assert int(text) >= 1


def test_readme__c__as_pasted(here, tmp_path):
    (tmp_path / "vertexd").symlink_to(ROOT)
    for language, name in (("c", "first.c"), ("cmake", "CMakeLists.txt")):
        (program,) = blocks("The first call: C", language)
        (tmp_path / name).write_text(here(program))
    build, _ = blocks("The first call: C", "sh")
    assert '"What is quantum computing?"' in shell(build, tmp_path)


def test_readme__vertexctl__as_pasted(here):
    _, commands = blocks("The first call: C", "sh")
    text = shell(commands.replace("build/release/bin", str(programs())),
                 VERTEXD_ADDRESS=here.target)
    assert '"What is quantum computing?"' in text.replace('\\"', '"')
    assert text.count("main features of") == 3


def test_readme__files__as_pasted(here, tmp_path):
    (commands,) = blocks("Files of any size", "sh")
    shell(commands.replace("build/release/bin", str(programs())), tmp_path,
          VERTEXD_ADDRESS=here.target)
    assert "What is deep learning?" in (tmp_path / "answers.jsonl").read_text()
    text = (tmp_path / "texts.jsonl").read_text()
    assert text.count("main features of") == 2 and '"id":"p2"' in text


def test_readme__with_vertex_ai__flags_are_known():
    (commands,) = blocks("With Vertex AI", "sh")
    commands = commands.replace("build/release/bin", str(programs()))
    for line in commands.splitlines()[1:]:
        line = line.split("  #")[0]
        assert "vertexd" in shell(f"{commands.splitlines()[0]}\n"
                                  f"{line} --version")


def test_demo__every_kind_of_call__is_answered():
    text = shell(f"script/demo --bin {programs()}")
    for prompt in ("What is quantum computing?", "What is deep learning?",
                   "What are the main features of scikit-learn?",
                   "Explain the main features of the Rust programming "
                   "language.", "What is the future of AI?"):
        assert f'You asked: "{prompt}"' in text, text
    assert "vertexd drained and ended well" in text


def test_crpc_readme__a_server_and_a_client__as_described(tmp_path):
    page = (ROOT / "crpc" / "README.md").read_text()
    for room in ("base", "crpc"):
        (tmp_path / room).symlink_to(ROOT / room)
    port = str(free_port())
    for language, name in (("proto", "greet.proto"), ("c", "greet.c")):
        (program,) = blocks("A server and a client", language, page)
        (tmp_path / name).write_text(program.replace("5000", port))
    top = (ROOT / "CMakeLists.txt").read_text()
    before = re.search(r"^project\(vertexd.*?(?=^enable_testing)", top,
                       re.MULTILINE | re.DOTALL)[0]
    (build,) = blocks("A server and a client", "cmake", page)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\n" + before + build)
    text = shell("cmake -G Ninja -B build && cmake --build build && "
                 "build/bin/greet", tmp_path)
    assert text.endswith("Hello, world!\n")


@pytest.mark.parametrize("page", sorted(
    str(p.relative_to(ROOT)) for d in ROOT.iterdir()
    if d.name not in ("build", ".git", ".venv")
    for p in (d.rglob("*.md") if d.is_dir() else [d]) if p.suffix == ".md"))
def test_pages__links__lead_somewhere(page):
    text = (ROOT / page).read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).exists(), link
