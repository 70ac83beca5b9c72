"""What Vertex AI does wrong, and what callers see of it."""

import datetime
import http.server
import shutil
import socket
import subprocess
import threading

import pytest
from vertexd.v1 import vertexd_pb2

from calls import Batch, fails
from harness import control, eventually, free_port

Request = vertexd_pb2.GenerateRequest

FAULTS = [
    ("http_400", "INVALID_ARGUMENT", "UPSTREAM_INVALID_ARGUMENT"),
    ("http_401", "FAILED_PRECONDITION", "UPSTREAM_UNAUTHENTICATED"),
    ("http_403", "FAILED_PRECONDITION", "UPSTREAM_PERMISSION_DENIED"),
    ("http_404", "NOT_FOUND", "MODEL_NOT_FOUND"),
    ("html_404", "NOT_FOUND", "LOCATION_NOT_FOUND"),
    ("http_429", "RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA_EXHAUSTED"),
    ("http_500", "INTERNAL", "UPSTREAM_INTERNAL"),
    ("http_503", "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
    ("html_502", "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
    ("http_504", "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"),
    ("empty_200", "INTERNAL", "UPSTREAM_MALFORMED"),
    ("not_json", "INTERNAL", "UPSTREAM_MALFORMED"),
    ("truncated_json", "INTERNAL", "UPSTREAM_MALFORMED"),
    ("bad_utf8", "INTERNAL", "UPSTREAM_MALFORMED"),
    ("reset", "UNAVAILABLE", None),
    ("reset_mid_body", "UNAVAILABLE", None),
    ("redirect_302", None, None),
]


@pytest.mark.parametrize("fault, code, reason", FAULTS)
def test_upstream_error__generate__is_mapped_with_details(
        emulator, stub, fault, code, reason):
    if code is None:  # whatever it is, it is not followed
        code = "INTERNAL"
    with fails(code, reason) as failure:
        stub.Generate(Request(prompt="p" + control(fault=fault)), timeout=20)
    assert failure.domain == "vertexd"
    assert failure.reason.isupper() and failure.message
    # libcurl itself tries again when a connection that was kept alive is reset
    # before the first byte of an answer; nobody else does.
    assert emulator.stats()["requests"] <= (6 if fault == "reset" else 1)


def test_upstream_error__batch__is_the_items_with_http_status(emulator, stub):
    """Those that would hit every item have a test of their own, and so has
    429, with which items wait (test_retries.py)."""
    rows = [f for f in FAULTS if f[1] and f[0] not in
            ("http_401", "http_403", "http_404", "html_404", "http_429")]
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(fault=fault) for fault, _, _ in rows])))
    assert batch.codes == [code for _, code, _ in rows]
    for (fault, _, _), result in zip(rows, batch.by_index):
        said = result.error.http_status
        if fault.startswith(("http_", "html_")):
            assert said == int(fault[5:])
        retryable = fault in ("http_500", "http_503", "html_502",
                              "reset", "reset_mid_body")
        assert result.error.retryable == retryable, fault
        assert result.error.message


def test_upstream_error__retry_info__reaches_the_caller(emulator, stub):
    prompt = "p" + control(fault="http_429_retryinfo", retry_delay="7s")
    with fails("RESOURCE_EXHAUSTED") as failure:
        stub.Generate(Request(prompt=prompt))
    assert failure.retry_after == datetime.timedelta(seconds=7)
    options = vertexd_pb2.BatchOptions()
    options.item_timeout.FromSeconds(2)  # too short to wait for that
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[prompt], options=options)))
    assert batch.results[0].error.retry_after.seconds == 7


def test_upstream_error__message__is_googles(emulator, stub):
    with fails("RESOURCE_EXHAUSTED") as failure:
        stub.Generate(Request(prompt="p" + control(fault="http_429")))
    assert "exhausted" in failure.message.lower()


def test_upstream_hangs__deadline__ends_it(emulator, stub):
    with fails("DEADLINE_EXCEEDED"):
        stub.Generate(Request(prompt="p" + control(fault="hang")), timeout=0.5)
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_upstream_drips__deadline__ends_it(emulator, stub):
    with fails("DEADLINE_EXCEEDED"):
        stub.Generate(Request(prompt="p" + control(
            fault="drip", chunk_interval="100ms")), timeout=0.5)


@pytest.mark.parametrize("fault", ["lone_surrogate", "numbers"])
def test_upstream_answer__odd_but_json__harms_nobody(emulator, stub, fault):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(fault=fault), "good"])))
    assert batch.codes[0] in ("OK", "INTERNAL")
    assert batch.codes[1] == "OK"


@pytest.mark.parametrize("fault", ["giant", "gzip_bomb"])
def test_upstream_answer__over_the_limit__is_cut_off(emulator, start, fault):
    server, stub = start("--max-response-bytes", "1048576")
    with fails("RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE"):
        stub.Generate(Request(prompt="p" + control(
            fault=fault, bytes="200m", size="200m")), timeout=30)
    peak = memory_peak(server)
    assert peak < 150 << 20, f"{peak >> 20} MiB"
    assert stub.Generate(Request(prompt="fine")).text


def memory_peak(server):
    """Most memory the server ever had, in bytes."""
    with open(f"/proc/{server.child.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) << 10
    return 0


def test_upstream__nobody_listens__is_unavailable(start):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    _, stub = start(base_url=url)
    with fails("UNAVAILABLE"):
        stub.Generate(Request(prompt="p"), timeout=20)


def test_credential__api_key__is_sent_as_googles_header(emulator, stub):
    stub.Generate(Request(prompt="p"))
    headers = emulator.only_request().headers
    assert headers["x-goog-api-key"] == "e2e-key"
    assert "authorization" not in headers


def test_credential__api_key_without_project__uses_express_paths(
        emulator, start):
    _, stub = start("--base-url", emulator.url, "--api-key", "k2",
                    plain=True)
    stub.Generate(Request(prompt="p", model="m"))
    request = emulator.only_request()
    assert request.path.split("?")[0].endswith(
        "/v1/publishers/google/models/m:generateContent")
    assert "projects/" not in request.path


def test_credential__token_file__is_read_again_when_it_changes(
        emulator, start, tmp_path):
    path = tmp_path / "token"
    path.write_text("first-token\n")
    _, stub = start("--base-url", emulator.url, "--project", "e2e",
                    "--access-token-file", path, "--default-model", "m",
                    plain=True)

    def sent():
        stub.Generate(Request(prompt="p"))
        return emulator.requests()[0].headers["authorization"]

    assert sent() == "Bearer first-token"
    path.write_text("second-token\n")
    assert eventually(lambda: sent() == "Bearer second-token")
    path.unlink()
    assert sent() == "Bearer second-token", "the old one stays in use"


@pytest.mark.parametrize("flags, env", [
    (("--quota-project", "payer"), {}),
    ((), {"VERTEXD_QUOTA_PROJECT": "payer"})])
def test_credential__token_file__with_quota_project(
        emulator, start, tmp_path, flags, env):
    path = tmp_path / "token"
    path.write_text("a-token\n")
    _, stub = start("--base-url", emulator.url, "--project", "e2e",
                    "--access-token-file", path, "--default-model", "m",
                    *flags, env=env, plain=True)
    stub.Generate(Request(prompt="p"))
    headers = emulator.only_request().headers
    assert headers["authorization"] == "Bearer a-token"
    assert headers["x-goog-user-project"] == "payer"


def test_location__is_in_the_path(emulator, start):
    _, stub = start("--location", "europe-west4")
    stub.Generate(Request(prompt="p"))
    assert "/locations/europe-west4/" in emulator.only_request().path


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate of 127.0.0.1: (certificate, key)."""
    crt, key = tmp_path / "ca.crt", tmp_path / "ca.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
         crt], check=True, capture_output=True)
    return crt, key


@pytest.fixture
def tls_front(emulator, certificate):
    """nghttpx before the emulator: the port of a TLS HTTP/2 upstream."""
    if not shutil.which("nghttpx"):
        pytest.skip("needs nghttpx (nghttp2-proxy)")
    crt, key = certificate
    port = free_port()
    back = emulator.url.removeprefix("http://").replace(":", ",")
    front = subprocess.Popen(
        ["nghttpx", "-f", f"127.0.0.1,{port}", "-b", back, "--workers", "1",
         "--conf", "/dev/null", "--log-level", "FATAL", "--accesslog-file",
         "/dev/stdout", "--accesslog-format", "$request", str(key),
         str(crt)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    assert eventually(lambda: connects(port)) and front.poll() is None
    yield port, crt, front
    front.terminate()
    front.wait()
    front.stdout.close()


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_tls_upstream__http2__batch_and_cancel(emulator, start, tls_front):
    port, crt, front = tls_front
    server, stub = start("--ca-file", crt,
                         base_url=f"https://127.0.0.1:{port}")
    answer = stub.Generate(Request(prompt="over TLS"), timeout=20)
    assert '"over TLS"' in answer.text
    assert "HTTP/2" in front.stdout.readline()
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[f"p{i}" for i in range(300)], max_concurrency=100)))
    assert batch.codes == ["OK"] * 300
    chunks = list(stub.StreamGenerate(Request(
        prompt="p" + control(chunks=5))))
    assert len(chunks) >= 5
    emulator.reset()
    call = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["p" + control(latency="60s")] * 40, max_concurrency=40))
    assert eventually(lambda: emulator.stats()["in_flight"] == 40)
    call.cancel()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)
    assert server.counters()


def test_tls_upstream__http2__one_of_several_is_cancelled_at_once(
        emulator, start, tls_front):
    """On a connection that others go on waiting on, without a byte moving."""
    port, crt, _ = tls_front
    _, stub = start("--ca-file", crt, base_url=f"https://127.0.0.1:{port}")
    calls = [stub.Generate.future(Request(prompt="p" + control(
        latency="60s"))) for _ in range(3)]
    for left in (3, 2, 1, 0):
        assert eventually(
            lambda n=left: emulator.stats()["in_flight"] == n)
        if left:
            calls[left - 1].cancel()
    assert emulator.stats()["aborted"] == 3


def test_tls_upstream__http2__deadline_ends_the_stream_at_once(
        emulator, start, tls_front):
    port, crt, _ = tls_front
    _, stub = start("--ca-file", crt, base_url=f"https://127.0.0.1:{port}")
    stub.Generate(Request(prompt="makes the connection"), timeout=30)
    with fails("DEADLINE_EXCEEDED"):
        stub.Generate(Request(prompt="p" + control(latency="60s")), timeout=2)
    assert eventually(lambda: emulator.stats()["aborted"] == 1)


def test_tls_upstream__http2__churn_of_cancels__harms_no_other_call(
        emulator, start, tls_front):
    """Streams, answers and cancels mixed on the same connections."""
    port, crt, _ = tls_front
    _, stub = start("--ca-file", crt, base_url=f"https://127.0.0.1:{port}")
    left = []
    for i in range(300):
        unary = stub.Generate.future(Request(
            prompt=f"n{i}" + control(latency=f"{i * 37 % 100}ms")))
        stream = stub.StreamGenerate(Request(prompt=f"s{i} " + control(
            words=200, chunks=10, chunk_interval="2ms")))
        left.append((i, unary, stream))
        if len(left) < 60:
            continue
        i, unary, stream = left.pop(i * 7919 % len(left))
        if i % 2:
            unary.cancel()
            stream.cancel()
        else:
            assert f'"n{i}"' in unary.result().text
            assert "".join(c.text for c in stream).count(" ") >= 199
    for _, unary, stream in left:
        unary.cancel()
        stream.cancel()
    assert eventually(lambda: emulator.stats()["in_flight"] == 0)


def test_tls_upstream__unknown_authority__is_refused(start, tls_front):
    port, _, _ = tls_front
    _, stub = start(base_url=f"https://127.0.0.1:{port}")
    with fails("UNAVAILABLE"):
        stub.Generate(Request(prompt="p"), timeout=20)


class Redirecting(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_POST(self):  # the name is http.server's
        Redirecting.seen.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/stolen")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


def test_redirect__is_not_followed__so_no_credential_leaves(start):
    Redirecting.seen.clear()
    with http.server.HTTPServer(("127.0.0.1", 0), Redirecting) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        _, stub = start(base_url=f"http://127.0.0.1:{upstream.server_port}")
        with fails("INTERNAL"):
            stub.Generate(Request(prompt="p"), timeout=20)
        upstream.shutdown()
    assert len(Redirecting.seen) == 1


def test_connections__are_kept_alive(emulator, stub):
    stub.Generate(Request(prompt="p"))
    before = emulator.stats()["connections_total"]
    for _ in range(20):
        stub.Generate(Request(prompt="p"))
    # Asking for the stats takes a connection as well.
    assert emulator.stats()["connections_total"] - before < 5
