"""Fixtures: one emulator and one server for all, more where a test asks.

After every test nothing of its calls may be left in the server: calls, flows,
transfers and arenas are back at zero.
"""

import os

import pytest

import harness

harness.make_stubs()

import grpc  # noqa: E402
from vertexd.v1 import vertexd_pb2_grpc  # noqa: E402

LARGE_MESSAGES = [("grpc.max_receive_message_length", -1),
                  ("grpc.max_send_message_length", -1)]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """VERTEXD_NO_SKIP=1: what was skipped has failed."""
    report = (yield).get_result()
    if report.skipped and os.environ.get("VERTEXD_NO_SKIP") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed: {report.longrepr}"


@pytest.fixture(scope="session")
def emulator_process():
    process = harness.Emulator()
    yield process
    process.stop()


@pytest.fixture
def emulator(emulator_process):
    """The emulator as new: no defaults, counters at zero."""
    emulator_process.reset()
    yield emulator_process
    emulator_process.reset()


class Shared:
    """The server that most tests share, and a channel to it. Where a test has
    killed it the next one gets another, so that the fault shows once. It makes
    no failed call again, and learns nothing from failures, which would hold up
    the tests after them: that is the matter of test_retries.py and of
    test_quota.py."""

    def __init__(self, emulator):
        self.flags = ("--base-url", emulator.url, "--project", "e2e",
                      "--api-key", "e2e-key", "--default-model", harness.MODEL,
                      *harness.ONE_ATTEMPT, "--no-adaptive")
        self.server = self.channel = None

    def ready(self):
        if self.server is None or self.server.child.poll() is not None:
            if self.channel:
                self.channel.close()
            self.server = harness.Vertexd(*self.flags).start()
            self.channel = grpc.insecure_channel(self.server.target)
        return self

    def stop(self):
        if self.server:
            self.channel.close()
            code = self.server.stop()
            assert code == 0, self.server.log()


@pytest.fixture(scope="session")
def shared(emulator_process):
    all_tests = Shared(emulator_process)
    yield all_tests
    all_tests.stop()


@pytest.fixture
def server(shared):
    """The shared server; afterwards nothing may be left in it."""
    process = shared.ready().server
    yield process
    assert process.child.poll() is None, process.log()
    left = process.settle()
    assert not left, f"left behind: {left}"


@pytest.fixture
def channel(server, shared):
    return shared.channel


@pytest.fixture
def stub(channel):
    return vertexd_pb2_grpc.GenerationServiceStub(channel)


@pytest.fixture
def retrying(start):
    """The stub of a server that makes failed calls again, as by default."""
    return start()[1]


@pytest.fixture
def start(emulator_process):
    """Starts servers of a test's own: start("--flag", …) -> (server, stub).

    They use the emulator unless base_url says otherwise. They are stopped, and
    looked at for leftovers, when the test is over.
    """
    started = []

    def begin(*flags, env=None, base_url=None, listen="127.0.0.1:0",
              plain=False):
        if not plain:
            flags = ("--base-url", base_url or emulator_process.url,
                     "--project", "e2e", "--api-key", "e2e-key",
                     "--default-model", harness.MODEL, *flags)
        server = harness.Vertexd(*flags, env=env, listen=listen).start()
        channel = grpc.insecure_channel(server.target, options=LARGE_MESSAGES)
        started.append((server, channel))
        return server, vertexd_pb2_grpc.GenerationServiceStub(channel)

    yield begin
    for server, channel in started:
        if server.child.poll() is None:
            left = server.settle()
            channel.close()
            code = server.stop()
            assert not left, f"left behind: {left}"
            assert code == 0, server.log()
        channel.close()
