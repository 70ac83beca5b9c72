"""Starts and watches the programs under test, and speaks to the emulator."""

import fcntl
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ.get("VERTEXD_E2E_DIR", ROOT / "build" / "e2e"))
STUBS = WORK / "stubs"
MODEL = "gemini-e2e"
ONE_ATTEMPT = ("--interactive-attempts", "1", "--batch-attempts", "1",
               "--throttle-wait", "0s")
START_TIMEOUT = 60.0
SETTLE_TIMEOUT = 60.0
WAIT = 120.0  # of calls that are to end by themselves: nothing measures it


def binary(variable, name):
    """The path of a program: what the variable says, or beside vertexd, which
    is in the debug build unless VERTEXD_BIN says otherwise."""
    beside = os.environ.get("VERTEXD_BIN", ROOT / "build/debug/bin/vertexd")
    path = pathlib.Path(os.environ.get(
        variable, pathlib.Path(beside).parent / name))
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built (or set {variable})")
    return path


def make_stubs():
    """Generates the Python stubs unless they are newer than the contract.
    Others that run beside this one wait for them."""
    protos = sorted((ROOT / "proto").glob("vertexd/v1/*.proto"))
    made = STUBS / "vertexd" / "v1" / "vertexd_pb2_grpc.py"
    STUBS.mkdir(parents=True, exist_ok=True)
    with open(WORK / "stubs.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.exists() and all(
                made.stat().st_mtime > p.stat().st_mtime for p in protos)):
            subprocess.run(
                [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/proto",
                 f"--python_out={STUBS}", f"--grpc_python_out={STUBS}",
                 *(str(p.relative_to(ROOT / "proto")) for p in protos)],
                check=True, cwd=ROOT / "proto")
    sys.path.insert(0, str(STUBS))


def eventually(check, timeout=SETTLE_TIMEOUT):
    """Calls check until it returns something true; the last result."""
    end = time.monotonic() + timeout
    while True:
        result = check()
        if result or time.monotonic() > end:
            return result
        time.sleep(0.02)


def free_port():
    """A port to listen on a little later: none that the system gives to others
    by itself, for their connections."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Process:
    """A child whose stdout says "listening on ADDRESS"."""

    def __init__(self, path, *arguments, env=None):
        clean = {k: v for k, v in os.environ.items()
                 if not k.startswith(("VERTEXD_", "GOOGLE_", "GCP_",
                                      "GEMINI_", "GCLOUD_", "SSL_CERT"))}
        self.child = subprocess.Popen(
            [str(path), *map(str, arguments)], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=clean | (env or {}))
        self.lines = []      # of stderr
        self.greeting = []   # of stdout
        self.changed = threading.Condition()
        self.readers = [
            threading.Thread(target=self._read, args=args, daemon=True)
            for args in ((self.child.stderr, self.lines),
                         (self.child.stdout, self.greeting))]
        for reader in self.readers:
            reader.start()

    def _read(self, stream, into):
        for line in stream:
            with self.changed:
                into.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, find, timeout=START_TIMEOUT):
        """The first true find(); None when time or the child is over."""
        end = time.monotonic() + timeout
        with self.changed:
            while not (found := find()):
                left = end - time.monotonic()
                if left <= 0 or self.child.poll() is not None:
                    return find()
                self.changed.wait(min(left, 0.2))
        return found

    def address(self):
        def find():
            for line in self.greeting:
                if match := re.search(r"listening on (\S+)", line):
                    return match.group(1)
            return None
        address = self.wait_for(find)
        assert address, "it did not start:\n" + self.log()
        return address

    def log(self):
        return "\n".join(self.lines)

    def stop(self, sign=signal.SIGTERM, timeout=40):
        if self.child.poll() is None:
            self.child.send_signal(sign)
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise
        for reader in self.readers:
            reader.join(5)
        self.child.stdout.close()
        self.child.stderr.close()
        return code


class Vertexd(Process):
    """The server; its target is what a channel connects to."""

    def __init__(self, *arguments, env=None, listen="127.0.0.1:0"):
        if listen:
            arguments = ("--listen", listen, *arguments)
        super().__init__(binary("VERTEXD_BIN", "vertexd"), *arguments, env=env)
        self.emulates = "--emulate" in arguments

    def start(self):
        self.target = self.address()
        self.idle = self.counters()
        return self

    def metrics(self):
        """Where its metrics are, as its stdout says."""
        def find():
            for line in self.greeting:
                if match := re.fullmatch(r"metrics on (\S+)", line):
                    return match.group(1)
            return None
        url = self.wait_for(find)
        assert url, f"no metrics: {self.greeting}\n{self.log()}"
        return url

    def counters(self):
        """What SIGUSR1 prints now."""
        seen = len(self.lines)
        self.child.send_signal(signal.SIGUSR1)

        def find():
            for line in self.lines[seen:]:
                if '"transfers"' in line:
                    return json.loads(line)
            return None
        counters = self.wait_for(find)
        assert counters, "no counters:\n" + self.log()
        return counters

    def busy(self):
        """Counters of what belongs to calls that are above those at the start.
        An embedded emulator has arenas of its own, one for each connection.
        """
        counters = self.counters()
        names = ["calls", "flows", "jobs", "transfers", "bytes"]
        if not self.emulates:
            names.append("arenas")
        return {k: counters[k] for k in names if counters[k] > self.idle[k]}

    def settle(self):
        """Waits until no call left anything behind; what did if one did."""
        left = {}

        def is_quiet():  # once: a token may be renewed at any time
            nonlocal left
            left = self.busy()
            return not left
        eventually(is_quiet)
        return left


class Emulator(Process):
    """vertexd-emulator, and its control."""

    def __init__(self, *arguments):
        super().__init__(binary("VERTEXD_EMULATOR_BIN", "vertexd-emulator"),
                         "--listen", "127.0.0.1:0", *arguments)
        self.url = self.address()
        if "://" not in self.url:
            self.url = f"http://{self.url}"

    def ask(self, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/emulator/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text.strip() else None

    def reset(self):
        self.ask("reset", {})

    def defaults(self, **knobs):
        """Knobs for every request until the next reset."""
        self.ask("defaults", knobs)

    def release(self, key):
        """Lets what control(hold=key) keeps go, now and later."""
        self.ask(f"release?key={key}", {})

    def stats(self):
        return self.ask("stats")

    def requests(self, last=1):
        """The last requests, oldest first, each as a Captured."""
        found = self.ask(f"requests?last={last}")
        if isinstance(found, dict):
            found = found["requests"]
        return [Captured(r) for r in found]

    def only_request(self):
        assert self.stats()["requests"] == 1
        return self.requests()[0]


class Captured:
    """A request as the emulator got it."""

    def __init__(self, raw):
        self.raw = raw
        self.path = raw["path"]
        headers = raw["headers"]
        if isinstance(headers, list):
            headers = {h["name"]: h["value"] for h in headers}
        self.headers = {k.lower(): v for k, v in headers.items()}
        body = raw["body"]
        self.text = body if isinstance(body, str) else json.dumps(body)
        self.body = json.loads(body) if isinstance(body, str) else body

    @property
    def prompt(self):
        """The texts of the last turn, joined."""
        return "".join(p.get("text", "")
                       for p in self.body["contents"][-1]["parts"])


def control(**knobs):
    """The directive that tells the emulator how to treat one prompt."""
    words = " ".join(f"{k}={v}" for k, v in knobs.items())
    return f"[[emulator {words}]]"
