#!/usr/bin/env python3
"""Measures the rules of CONTRIBUTING.md that a program can measure.

Run from anywhere; prints each breach as FILE:LINE: what, and ends with 1 if
there was one.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 800
MAX_FUNCTION_LINES = 80
MAX_PARAMETERS = 5
MAX_COLUMNS = 80

# Which rooms a room may include, besides itself. Generated headers of the
# contract (vertexd/v1/*.pb-c.h) are messages, *.crpc.h are stubs.
ROOMS = {
    "base": set(),
    "crpc": {"base"},
    "service/vertex": {"base"},
    "service/emulator": {"base"},
    "service/metrics": {"base"},
    "service": {"base", "crpc", "service/vertex", "service/emulator",
                "service/metrics"},
    "client": {"base", "crpc"},
}
# Headers of libraries, and the rooms that may include them. libmicrohttpd is a
# server: it is nothing for the way to Vertex AI.
OWNED = {
    "grpc/": {"crpc"},
    "curl/": {"service/vertex"},
    "microhttpd.h": {"service/emulator", "service/metrics"},
}
# Callbacks whose parameters a library dictates.
DICTATED = {("service/emulator/exchange.c", "handle"),
            ("service/metrics/server.c", "handle")}
BANNED = re.compile(
    r"\b(strcpy|strcat|vsprintf|gets|atoi|atol|atof|sscanf|alloca)\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')


def sources():
    out = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=ROOT, text=True,
                         capture_output=True, check=True).stdout
    return [pathlib.Path(line) for line in out.splitlines()
            if "/golden/" not in line and (ROOT / line).exists()]


def room_of(path):
    name = str(path)
    for room in sorted(ROOMS, key=len, reverse=True):
        if name.startswith(room + "/"):
            return room
    return None


def check_includes(path, number, header, report):
    room = room_of(path)
    if room is None:
        return
    for prefix, owners in OWNED.items():
        if header.startswith(prefix) and room not in owners \
                and not header.startswith("grpc/health/") \
                and not header.startswith("grpc/reflection/"):
            report(path, number, f"<{header}> belongs to "
                   + " and ".join(sorted(owners)))
    other = room_of(pathlib.Path(header))
    if other and other != room and other not in ROOMS[room]:
        report(path, number, f"{room} must not include {other}")
    if room == "service/vertex" and header.endswith(".crpc.h"):
        report(path, number, "service/vertex must not know gRPC")


def check_lines(path, report):
    lines = (ROOT / path).read_text().splitlines()
    if len(lines) > MAX_FILE_LINES:
        report(path, 1, f"{len(lines)} lines, {MAX_FILE_LINES} at most")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS and "http" not in line \
                and not path.parts[0] == "tests":
            report(path, number, f"{len(line)} columns")
        if BANNED.search(line) and not line.lstrip().startswith(("*", "/")):
            report(path, number, f"banned: {BANNED.search(line).group(1)}")
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            report(path, number, "unfinished work")
        match = INCLUDE.match(line)
        if match:
            check_includes(path, number, match.group(1), report)


def check_functions(paths, report):
    out = subprocess.run(
        ["ctags", "--languages=C", "--kinds-C=f", "--fields=+neS", "-L", "-",
         "-o", "-"], cwd=ROOT, text=True, capture_output=True, check=True,
        input="\n".join(map(str, paths))).stdout
    for line in out.splitlines():
        if line.startswith("!"):
            continue
        fields = dict(part.split(":", 1) for part in line.split("\t")[3:]
                      if ":" in part)
        name, path = line.split("\t")[:2]
        begin, end = int(fields["line"]), int(fields.get("end", 0))
        if end - begin + 1 > MAX_FUNCTION_LINES:
            report(path, begin, f"{name}: {end - begin + 1} lines")
        inner = re.sub(r"\([^()]*\)", "", fields.get("signature", "()")[1:-1])
        if (inner.count(",") + 1 > MAX_PARAMETERS
                and (str(path), name) not in DICTATED):
            report(path, begin, f"{name}: more than {MAX_PARAMETERS} parameters")


def check_format(paths, report):
    tool = next((t for t in ("clang-format-14", "clang-format-19",
                             "clang-format") if shutil.which(t)), None)
    if tool is None:
        sys.exit("clang-format is missing: script/bootstrap test")
    version = subprocess.run([tool, "--version"], text=True,
                             capture_output=True, check=True).stdout
    if " 14." not in version:  # other versions lay out some lines otherwise
        print("format not checked: clang-format is not version 14")
        return
    out = subprocess.run([tool, "--dry-run", *map(str, paths)], cwd=ROOT,
                         text=True, capture_output=True, check=False).stderr
    for match in re.finditer(r"^([^\s:]+):(\d+):\d+: warning", out, re.M):
        report(match.group(1), match.group(2), "not as clang-format has it")


def main():
    problems = []

    def report(path, line, what):
        problems.append(f"{path}:{line}: {what}")

    paths = sources()
    for path in paths:
        check_lines(path, report)
    check_functions([p for p in paths if p.suffix == ".c"], report)
    check_format(paths, report)
    print("\n".join(problems) or f"{len(paths)} files as they should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
