"""How much of a quota is used, and how many calls are wasted on it.

Three sides send the same prompts to an emulator with a token bucket, which
changes in some of the runs: vertexd, vertexd --no-adaptive, and a rival: a pool
of threads as programs have it, each prompt tried again after a refusal with
exponential backoff, min(2^(n-1) + U(0, 1), 60) seconds, which is what
google-genai does when asked to.
"""
import collections
import concurrent.futures
import http.client
import json
import random
import threading
import time
import urllib.request

WARM = 10  # seconds before goodput counts, after a change too
ATTEMPTS = 5  # of google-genai, when asked to try again at all
PATH = ("/v1/projects/p/locations/global/publishers/google/models/m"
        ":generateContent")
BODY = json.dumps({"contents": [{"role": "user", "parts": [{"text": "x"}]}]})

Case = collections.namedtuple("Case", "latency rate burst change count limit")
# change: (seconds, new rate), or None.
CASES = [Case(latency, 50, 5, change, count, limit)
         for change, count, limit in ((None, 3000, 200), ((25, 25), 3000, 200),
                                      ((25, 100), 4000, 400))
         for latency in (0.1, 0.5, 2)]
SMOKE = [Case(0.01, 20, 5, (1, 40), 60, 20)]


def post(emulator, case, rate):
    knobs = {"latency_ms": int(case.latency * 1000), "quota_rps": rate,
             "quota_burst": case.burst}
    request = urllib.request.Request(
        emulator.address + "/emulator/defaults", method="POST",
        data=json.dumps(knobs).encode())
    urllib.request.urlopen(request).read()


class Timeline:
    """What the emulator accepted and refused, by the second of the run."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.seconds = {}
        self.begin = self.poll()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def poll(self):
        url = self.emulator.address + "/emulator/timeline"
        with urllib.request.urlopen(url) as answer:
            found = json.load(answer)
        last = found["second"]
        for back, second in enumerate(reversed(found["timeline"])):
            self.seconds[last - back] = second
        return last

    def watch(self):
        while not self.done.wait(20):
            self.poll()

    def stop(self):
        self.done.set()
        self.thread.join()
        last = self.poll()
        return [self.seconds.get(s, {"accepted": 0, "throttled": 0})
                for s in range(self.begin, last + 1)]


def change_later(emulator, case):
    if case.change is None:
        return None
    timer = threading.Timer(case.change[0], post,
                            (emulator, case, case.change[1]))
    timer.start()
    return timer


def quota_at(case, second):
    if case.change and second >= case.change[0]:
        return case.change[1]
    return case.rate


def ideal_seconds(case):
    left, second = case.count, 0
    while left > 0:
        left -= quota_at(case, second)
        second += 1
    return second


def found_after(case, timeline):
    """Seconds from the change, or the start, to the first two seconds that use
    93 % of the quota with no more than 5 % of calls refused."""
    begin = case.change[0] if case.change else 0
    for second in range(begin, len(timeline) - 2):
        pair = timeline[second:second + 2]
        yes = sum(s["accepted"] for s in pair)
        no = sum(s["throttled"] for s in pair)
        want = quota_at(case, second) + quota_at(case, second + 1)
        if yes >= 0.93 * want and no <= 0.05 * (yes + no):
            return second - begin
    return None


def full_seconds(case, timeline):
    """Those in which prompts wait, without ten at first and ten after a
    change."""
    end = min(int(ideal_seconds(case) - case.latency - 2), len(timeline))
    change = case.change[0] if case.change else end
    full = [second for second in range(WARM, end)
            if not change <= second < change + WARM]
    return full or range(len(timeline))


def judge(case, timeline, seconds):
    full = full_seconds(case, timeline)
    accepted = sum(s["accepted"] for s in timeline)
    throttled = sum(s["throttled"] for s in timeline)
    return {
        "goodput": sum(timeline[s]["accepted"] for s in full) /
                   sum(quota_at(case, s) for s in full),
        "wasted": throttled / (accepted + throttled),
        "calls": accepted + throttled,
        "found": found_after(case, timeline),
        "seconds": seconds,
    }


def run_vertexd(tools, args, case, *flags):
    with tools.emulator_for(args) as emulator:
        post(emulator, case, case.rate)
        with tools.vertexd_for(args, emulator.address, *flags) as server:
            timeline = Timeline(emulator)
            timer = change_later(emulator, case)
            figures = tools.bench(args, "batch", server.address, case.count,
                                  case.limit)
            result = judge(case, timeline.stop(), figures["seconds"])
            result["failed"] = figures["failed"]
            result["cpu"] = server.cpu()
            if timer:
                timer.cancel()
    return result


class Rival:
    """A pool of threads over one list of prompts."""

    def __init__(self, address, case):
        self.address = address
        self.left = case.count
        self.limit = case.limit
        self.lock = threading.Lock()
        self.over = 0  # prompts with more attempts than google-genai makes
        self.end = time.monotonic() + ideal_seconds(case) + 60

    def call(self, connection):
        connection.request("POST", PATH, BODY,
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def serve_one(self, connection):
        attempt = 1
        while self.call(connection) != 200:
            if time.monotonic() > self.end:
                return False
            time.sleep(min(2 ** (attempt - 1) + random.random(), 60))
            attempt += 1
            if attempt == ATTEMPTS + 1:
                with self.lock:
                    self.over += 1
        return True

    def work(self):
        connection = http.client.HTTPConnection(
            self.address.removeprefix("http://"))
        while True:
            with self.lock:
                if self.left == 0:
                    break
                self.left -= 1
            if not self.serve_one(connection):
                break
        connection.close()

    def run(self):
        begin = time.monotonic()
        threads = [threading.Thread(target=self.work)
                   for _ in range(self.limit)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - begin


def run_rival(tools, args, case):
    with tools.emulator_for(args) as emulator:
        post(emulator, case, case.rate)
        timeline = Timeline(emulator)
        timer = change_later(emulator, case)
        rival = Rival(emulator.address, case)
        seconds = rival.run()
        result = judge(case, timeline.stop(), seconds)
        result["failed"] = rival.over
        if timer:
            timer.cancel()
    return result


def show(case, name, result):
    quota = f"{case.rate}/s"
    if case.change:
        quota += f", {case.change[1]}/s from {case.change[0]} s"
    found = result["found"]
    print(f"| {quota} | {case.latency:g} | {name} | "
          f"{100 * result['goodput']:.1f} % | {100 * result['wasted']:.2f} % | "
          f"{result['calls']} | {'never' if found is None else found} | "
          f"{result['seconds']:.1f} | {result['failed']} |", flush=True)


def run(tools, args):
    cases = SMOKE if args.smoke else CASES
    sides = {
        "vertexd": lambda case: run_vertexd(tools, args, case),
        "vertexd --no-adaptive":
            lambda case: run_vertexd(tools, args, case, "--no-adaptive"),
        "threads with backoff": lambda case: run_rival(tools, args, case),
    }
    print("quota: a bucket of 5; goodput while prompts wait, without the first "
          "10 s and the 10 s after a change; the threads' failed are prompts that "
          "google-genai would have given up")
    print("| quota | upstream s | client | goodput | 429s | calls | found after "
          "s | total s | failed |\n|---|---|---|---|---|---|---|---|---|")
    results = {}
    for name, side in sides.items():
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            results[name] = list(pool.map(side, cases))
    for number, case in enumerate(cases):
        for name in sides:
            show(case, name, results[name][number])
    if args.smoke and results["vertexd"][0]["failed"]:
        raise RuntimeError("prompts failed for quota")
