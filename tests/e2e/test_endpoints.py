"""Where requests go: locations, full names, projects, versions, certificates."""

import contextlib
import shutil
import subprocess

import pytest
from vertexd.v1 import vertexd_pb2

from calls import Batch, fails
from harness import MODEL, Emulator, Vertexd, eventually, free_port
from test_upstream import certificate, connects  # noqa: F401

Request = vertexd_pb2.GenerateRequest


def port_of(emulator):
    return emulator.url.rpartition(":")[2]


@pytest.mark.parametrize("model, path", [
    ("m", "publishers/google/models/m"),
    ("vendor/m", "publishers/vendor/models/m"),
    ("publishers/v/models/m", "publishers/v/models/m"),
    ("endpoints/7", "endpoints/7"),
])
def test_model__all_forms__path_under_project_and_location(
        emulator, stub, model, path):
    stub.Generate(Request(prompt="p", model=model))
    assert emulator.only_request().path == \
        f"/v1/projects/e2e/locations/global/{path}:generateContent"


def test_tuned_endpoint__full_name__asked_at_its_own_location(emulator, stub):
    name = "projects/e2e/locations/europe-west4/endpoints/123"
    assert stub.Generate(Request(prompt="p", model=name)).text
    assert emulator.only_request().path == f"/v1/{name}:generateContent"


def test_api_version__v1beta1__in_the_path_and_model_config_goes_up(
        emulator, start):
    _, stub = start("--api-version", "v1beta1")
    stub.Generate(Request(prompt="p"))
    assert emulator.only_request().path.startswith("/v1beta1/projects/e2e/")


def test_allow_project__named_ones_alone__may_be_asked(emulator, start):
    _, stub = start("--allow-project", "other,example.com:third",
                    "--allow-project", "12345")
    for project in ("e2e", "other", "example.com:third", "12345"):
        name = f"projects/{project}/locations/us-east1/endpoints/7"
        if project == "example.com:third":  # no such character in a model
            with fails("INVALID_ARGUMENT", field="model"):
                stub.Generate(Request(prompt="p", model=name))
            continue
        stub.Generate(Request(prompt="p", model=name))
        assert emulator.requests()[0].path == f"/v1/{name}:generateContent"
    with fails("INVALID_ARGUMENT", field="model") as failure:
        stub.Generate(Request(
            prompt="p", model="projects/fourth/locations/us-east1/endpoints/7"))
    assert "a project that this server does not serve" in failure.message


def test_allow_project__without__another_project_refused(emulator, stub):
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(requests=[
        Request(prompt="p", model="projects/other/locations/eu/endpoints/7"),
        Request(prompt="p")])))
    assert batch.codes == ["INVALID_ARGUMENT", "OK"]
    assert batch.by_index[0].error.field == "requests[0].model"
    assert emulator.stats()["requests"] == 1


@contextlib.contextmanager
def second_emulator():
    other = Emulator()
    try:
        yield other
    finally:
        other.stop()


def test_base_url__place_for_the_location__another_address_for_each(
        emulator, start):
    """Locations that are the ports of two emulators."""
    with second_emulator() as other:
        here, there = port_of(emulator), port_of(other)
        _, stub = start("--location", here,
                        base_url="http://127.0.0.1:{location}")
        stub.Generate(Request(prompt="p"))
        assert emulator.only_request().path.startswith(
            f"/v1/projects/e2e/locations/{here}/publishers/")
        name = f"projects/e2e/locations/{there}/publishers/google/models/m"
        stub.Generate(Request(prompt="p", model=name))
        assert other.only_request().path == f"/v1/{name}:generateContent"
        assert emulator.stats()["requests"] == 1
        with fails("INVALID_ARGUMENT", field="model"):
            stub.Generate(Request(
                prompt="p", model="projects/e2e/locations/eu/endpoints/7"))


@pytest.mark.parametrize("flags, word", [
    (["--base-url", "https://{location}"], "--base-url"),
    (["--base-url", "https://x.{location}:443"], "--base-url"),
    (["--api-version", "v2"], "--api-version"),
    (["--allow-project", "a/b"], "--allow-project"),
    (["--request-tier", "cheap"], "--request-tier"),
    (["--label", "Team=x"], "--label"),
    (["--mtls"], "--client-certificate"),
    (["--client-certificate", "/dev/null"], "--client-certificate"),
])
def test_settings__wrong__named_and_exit_2(flags, word):
    server = Vertexd("--project", "p", "--api-key", "k", *flags)
    server.child.wait(20)
    eventually(lambda: word in server.log())
    assert word in server.log()
    assert server.stop() == 2


@pytest.fixture
def client_certificate(tmp_path):
    """A certificate and its key, for the other side of TLS."""
    crt, key = tmp_path / "client.crt", tmp_path / "client.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=vertexd", "-keyout", key, "-out", crt],
        check=True, capture_output=True)
    return crt, key


@pytest.fixture
def mutual_front(emulator, certificate, client_certificate):  # noqa: F811
    """A TLS upstream that wants the client's certificate: its port."""
    if not shutil.which("nghttpx"):
        pytest.skip("needs nghttpx (nghttp2-proxy)")
    port = free_port()
    crt, key = certificate
    back = emulator.url.removeprefix("http://").replace(":", ",")
    front = subprocess.Popen(
        ["nghttpx", "-f", f"127.0.0.1,{port}", "-b", back, "--workers", "1",
         "--conf", "/dev/null", "--log-level", "FATAL", "--verify-client",
         f"--verify-client-cacert={client_certificate[0]}", str(key),
         str(crt)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert eventually(lambda: connects(port)) and front.poll() is None
    yield port
    front.terminate()
    front.wait()


def test_client_certificate__upstream_that_wants_one__gets_it(
        emulator, start, mutual_front, certificate,  # noqa: F811
        client_certificate):
    crt, key = client_certificate
    _, stub = start("--ca-file", certificate[0], "--client-certificate", crt,
                    "--client-key", key,
                    base_url=f"https://127.0.0.1:{mutual_front}")
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=[f"p{i}" for i in range(20)])))
    assert batch.codes == ["OK"] * 20


def test_client_certificate__none_where_one_is_wanted__unavailable(
        emulator, start, mutual_front, certificate):  # noqa: F811
    _, stub = start("--ca-file", certificate[0],
                    base_url=f"https://127.0.0.1:{mutual_front}")
    with fails("UNAVAILABLE"):
        stub.Generate(Request(prompt="p"), timeout=30)
    assert emulator.stats()["requests"] == 0


def test_default_model__full_name_of_another_project__needs_permission(
        emulator, start):
    name = f"projects/shared/locations/eu/publishers/google/models/{MODEL}"
    _, stub = start("--allow-project", "shared", "--default-model", name)
    stub.Generate(Request(prompt="p"))
    assert emulator.only_request().path == f"/v1/{name}:generateContent"
