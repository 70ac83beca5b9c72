#!/usr/bin/env python3
"""Measures vertexd against a bare libcurl loop on the same emulator.

    tests/bench/run.py [--bin build/release/bin] [--smoke] [PART ...]

Parts: batch (time of a batch over the bare loop's), load (calls a second, CPU
seconds of the server, added latency), wide (the same with many slow calls and
streams in flight, streams of 20 chunks, and TLS with HTTP/2 upstream), hold
(memory with 5,000 calls in flight), pipe (memory over a million prompts through
one call), fair (single calls beside a pipe of 100,000), quota (goodput and 429s
behind a token bucket, quota.py).
Each part alternates the two sides and prints medians; ratios and CPU seconds
are the figures to trust on a shared machine. --smoke runs everything once with
small numbers and judges nothing but that it worked.
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import quota

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Server:
    """A child that prints "listening on ADDRESS" when it is ready."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError(f"{command[0]} did not start: {line!r}")
        self.address = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def cpu(self):
        """CPU seconds used so far, user and system."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = fields.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss(self):
        """Resident bytes now."""
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(pages.split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stats(emulator):
    with urllib.request.urlopen(emulator.address + "/emulator/stats") as answer:
        return json.load(answer)


def reset(emulator):
    request = urllib.request.Request(emulator.address + "/emulator/reset",
                                     data=b"{}", method="POST")
    urllib.request.urlopen(request).read()


def bench(args, *words):
    done = subprocess.run([args.bin / "bench", *map(str, words)], text=True,
                          capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"bench {words}: {done.returncode} {done.stderr}")
    figures = json.loads(done.stdout)
    if figures["failed"]:
        print(f"  bench {words}: {figures['failed']} failed", file=sys.stderr)
    return figures


def emulator_for(args, *flags):
    return Server(args.bin / "vertexd-emulator", "--listen", "127.0.0.1:0",
                  *flags)


def vertexd_for(args, url, *flags):
    return Server(args.bin / "vertexd", "--listen", "127.0.0.1:0", "--project",
                  "p", "--base-url", url, *flags)


def median(runs, name):
    return statistics.median(run[name] for run in runs)


# Prompts, max_concurrency and upstream latency (ms) of the batches measured.
SHAPES = [(64, 1, 100), (1280, 10, 100), (1280, 64, 100),
          (1000, 5, 50), (1000, 50, 50), (10000, 500, 500)]
SMOKE_SHAPES = [(8, 1, 10), (32, 8, 10)]


def measure_shape(args, count, limit, latency):
    direct, through, peak = [], [], 0
    with emulator_for(args, "--latency", f"{latency}ms") as emulator, \
            vertexd_for(args, emulator.address) as server:
        for _ in range(1 if args.smoke else args.runs):
            direct.append(bench(args, "direct", emulator.address, count, limit))
            reset(emulator)
            through.append(bench(args, "batch", server.address, count, limit))
            peak = max(peak, stats(emulator)["peak_in_flight"])
    ratio = statistics.median(b["seconds"] / a["seconds"]
                              for a, b in zip(direct, through))
    print(f"| {count} | {limit} | {latency} | "
          f"{median(direct, 'seconds'):.3f} | "
          f"{median(through, 'seconds'):.3f} | {ratio:.3f} | {peak} |",
          flush=True)
    if peak > limit:
        raise RuntimeError(f"{peak} in flight, {limit} allowed")


def part_batch(args):
    print("batch: time over a bare libcurl loop with the same limit")
    print("| prompts | max_concurrency | upstream ms | direct s | vertexd s | "
          "ratio | peak in flight |\n|---|---|---|---|---|---|---|")
    for shape in SMOKE_SHAPES if args.smoke else SHAPES:
        measure_shape(args, *shape)


def part_load(args, front=None):
    count = 200 if args.smoke else 40000
    print("load: 0 ms upstream, everything on the same cores")
    print("| in flight | direct calls/s | vertexd calls/s | p50 ms | p99 ms | "
          "server CPU s per 100,000 |\n|---|---|---|---|---|---|")
    with emulator_for(args) as emulator, \
            vertexd_for(args, emulator.address) as server:
        for limit in (1, 10, 50, 200):
            calls = count // 10 if limit == 1 else count
            direct, through, cpu = [], [], []
            for _ in range(1 if args.smoke else args.runs):
                direct.append(bench(args, "direct", emulator.address, calls,
                                    limit))
                before = server.cpu()
                through.append(bench(args, "unary", server.address, calls,
                                     limit, max(1, limit // 25)))
                cpu.append((server.cpu() - before) * 100000 / calls)
            print(f"| {limit} | {calls / median(direct, 'seconds'):.0f} | "
                  f"{calls / median(through, 'seconds'):.0f} | "
                  f"{median(through, 'p50_ms'):.3f} | "
                  f"{median(through, 'p99_ms'):.3f} | "
                  f"{statistics.median(cpu):.2f} |")
        rate, calls = 100, 50 if args.smoke else 500
        direct, through = [], []
        for _ in range(1 if args.smoke else args.runs):
            direct.append(bench(args, "paced-direct", emulator.address, calls,
                                rate))
            through.append(bench(args, "paced", server.address, calls, rate))
        print(f"added latency at {rate} calls/s: "
              f"p50 {median(through, 'p50_ms') - median(direct, 'p50_ms'):.3f}"
              f" ms, p99 "
              f"{median(through, 'p99_ms') - median(direct, 'p99_ms'):.3f} ms")


STREAM = ("--defaults", "chunks=20")


def wide_row(args, what, kind, calls, limit, server, url):
    """One line: the load on the server, and bare libcurl where there is one."""
    through, direct, cpu = [], [], []
    for _ in range(1 if args.smoke else args.runs):
        if url:
            direct.append(bench(args, kind.replace("unary", "direct").replace(
                "stream", "direct-stream"), url, calls, limit))
        before = server.cpu()
        through.append(bench(args, kind, server.address, calls, limit,
                             max(1, limit // 25)))
        cpu.append((server.cpu() - before) * 100000 / calls)
    bare = median(direct, "cpu") * 100000 / calls if direct else None
    print(f"| {what} | {limit} | {calls / median(through, 'seconds'):.0f} | "
          f"{median(through, 'p50_ms'):.1f} | {median(through, 'p99_ms'):.1f} | "
          f"{statistics.median(cpu):.2f} | "
          f"{'' if bare is None else format(bare, '.2f')} |")


def part_wide(args):
    shrink = 50 if args.smoke else 1
    print("wide: CPU seconds per 100,000 calls or streams of 20 chunks")
    print("| load | in flight | calls/s | p50 ms | p99 ms | server CPU s | "
          "libcurl CPU s |\n|---|---|---|---|---|---|---|")
    rows = [("calls of 100 ms", "unary", 500, 20000, ("--latency", "100ms")),
            ("calls of 1 s", "unary", 2000, 10000, ("--latency", "1s")),
            ("streams, all at once", "stream", 50, 5000, STREAM),
            ("streams, a chunk in 100 ms", "stream", 500, 2500,
             (STREAM[0], STREAM[1] + " chunk_interval=100ms"))]
    for what, kind, limit, calls, flags in rows:
        if args.smoke:
            flags = STREAM if kind == "stream" else ()
        with emulator_for(args, *flags) as emulator, \
                vertexd_for(args, emulator.address) as server:
            wide_row(args, what, kind, calls // shrink, limit, server,
                     emulator.address)
    with emulator_for(args) as emulator, \
            tempfile.TemporaryDirectory() as folder, \
            Front(pathlib.Path(folder), emulator.address) as front, \
            vertexd_for(args, front.address, "--ca-file", front.ca,
                        "--access-token-file", token(folder)) as server:
        wide_row(args, "calls over TLS HTTP/2", "unary", 20000 // shrink, 50,
                 server, None)


class Front(Server):
    """nghttpx: TLS and HTTP/2 before the emulator, with a CA of its own."""

    def __init__(self, folder, url):
        host, port = url.rsplit("/", 1)[1].rsplit(":", 1)
        self.ca = folder / "ca.pem"
        key = folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", self.ca, "-days", "2", "-subj",
             "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True)
        for _ in range(5):  # another may take the port in between
            self.start(host, port, key)
            if self.accepts():
                return
            self.process.kill()
        raise RuntimeError("nghttpx did not start")

    def start(self, host, port, key):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["nghttpx", f"-f127.0.0.1,{self.port}", f"-b{host},{port}",
             "--workers=1", "--log-level=FATAL", "--accesslog-file=/dev/null",
             "--backend-keep-alive-timeout=60",
             "--worker-frontend-connections=20000", "--no-ocsp", key, self.ca],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"https://localhost:{self.port}"

    def accepts(self):
        """True when the front accepts connections; False if it gave up."""
        for _ in range(600):
            if self.process.poll() is not None:
                return False
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return True
            except OSError:
                time.sleep(0.05)
        return False


def hold(args, name, server, emulator, calls):
    reset(emulator)
    before = server.rss()
    run = subprocess.Popen(
        [args.bin / "bench", "unary", server.address, str(calls), str(calls),
         str(max(1, calls // 500))], stdout=subprocess.PIPE, text=True)
    peak = before
    while run.poll() is None:
        peak = max(peak, server.rss())
        time.sleep(0.02)
    figures = json.loads(run.stdout.read())
    print(f"| {name} | {calls} | {figures['ok']} | {figures['failed']} | "
          f"{stats(emulator)['peak_in_flight']} | "
          f"{(peak - before) / calls / 1000:.1f} | {figures['p99_ms']:.0f} |")


def part_hold(args):
    calls = 100 if args.smoke else 5000
    print("hold: calls in flight at once, each held 2 s by the upstream")
    print("| upstream | calls | ok | failed | peak at upstream | kB per call | "
          "p99 ms |\n|---|---|---|---|---|---|---|")
    latency = "200ms" if args.smoke else "2s"
    with emulator_for(args, "--latency", latency) as emulator:
        with vertexd_for(args, emulator.address) as server:
            hold(args, "HTTP/1.1", server, emulator, calls)
        with tempfile.TemporaryDirectory() as folder, \
                Front(pathlib.Path(folder), emulator.address) as front, \
                vertexd_for(args, front.address, "--ca-file",
                            front.ca, "--access-token-file",
                            token(folder)) as server:
            hold(args, "TLS HTTP/2", server, emulator, calls)


def rss_of(pid):
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def part_pipe(args):
    count, limit = (2000, 20) if args.smoke else (1_000_000, 64)
    print(f"pipe: {count} prompts through one call, 0 ms upstream, "
          f"max_concurrency {limit}")
    with emulator_for(args) as emulator, \
            vertexd_for(args, emulator.address) as server:
        before = server.rss()
        begun = time.monotonic()
        run = subprocess.Popen([args.bin / "bench", "pipe", server.address,
                                str(count), str(limit)],
                               stdout=subprocess.PIPE, text=True)
        curve = []  # answered, server's and client's MB
        while run.poll() is None:
            try:
                curve.append((stats(emulator)["requests"],
                              (server.rss() - before) / 1e6,
                              rss_of(run.pid) / 1e6))
            except (IndexError, FileNotFoundError):
                break  # it has just ended
            time.sleep(0.02 if args.smoke else 0.5)
        figures = json.loads(run.stdout.read())
    if figures["ok"] != count:
        raise RuntimeError(f"{figures['ok']} of {count} answered")
    print(f"{count / (time.monotonic() - begun):.0f} prompts a second\n"
          "| part of the run | server MB over start | client MB |\n|---|---|---|")
    for part in range(10, 101, 10):
        row = next((r for r in curve if r[0] >= count * part / 100), curve[-1])
        print(f"| {part} % | {row[1]:.1f} | {row[2]:.1f} |")


def part_fair(args):
    count, calls, rate = (200, 20, 20) if args.smoke else (100_000, 400, 20)
    print("fair: single calls at 20/s, upstream 70 to 130 ms, 64 slots; p99 "
          f"without and beside a pipe of {count}, max_concurrency 64")
    print("| run | p50 alone | p50 beside | p99 alone ms | p99 beside ms | "
          "ratio |\n|---|---|---|---|---|---|")
    with emulator_for(args, "--latency", "70ms", "--jitter", "60ms") as \
            emulator, vertexd_for(args, emulator.address,
                                  "--target-max-in-flight", "64") as server:
        for run in range(1 if args.smoke else args.runs):
            alone = bench(args, "paced", server.address, calls, rate)
            pipe = subprocess.Popen(
                [args.bin / "bench", "pipe", server.address, str(count), "64"],
                stdout=subprocess.DEVNULL)
            beside = bench(args, "paced", server.address, calls, rate)
            pipe.kill()
            pipe.wait()
            print(f"| {run + 1} | {alone['p50_ms']:.1f} | "
                  f"{beside['p50_ms']:.1f} | {alone['p99_ms']:.1f} | "
                  f"{beside['p99_ms']:.1f} | "
                  f"{beside['p99_ms'] / alone['p99_ms']:.2f} |")


def part_quota(args):
    quota.run(sys.modules[__name__], args)


def token(folder):
    path = pathlib.Path(folder) / "token"
    path.write_text("token\n")
    return path


def main():
    parts = {"batch": part_batch, "load": part_load, "wide": part_wide,
             "hold": part_hold, "pipe": part_pipe, "fair": part_fair,
             "quota": part_quota}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path,
                        default=ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    for name in args.parts or parts:
        parts[name](args)
        print()


if __name__ == "__main__":
    main()
