"""Application Default Credentials: every kind, and what goes wrong with them.

The emulator gives out the tokens, checks what it is asked with, and takes no
others at its model endpoints.
"""

import json
import pathlib
import stat
import subprocess
import time

import pytest
from vertexd.v1 import vertexd_pb2

import harness
from calls import fails

Request = vertexd_pb2.GenerateRequest
ACCOUNT = "sa@e2e.iam.gserviceaccount.com"
AUDIENCE = ("//iam.googleapis.com/projects/1/locations/global/"
            "workloadIdentityPools/pool/providers/p")
REFRESH = "1//emulated-refresh"


class Keys:
    def __init__(self, folder):
        self.private = self._make(folder / "one.pem")
        self.other = self._make(folder / "two.pem")
        self.public_file = folder / "public.pem"
        subprocess.run(["openssl", "pkey", "-in", folder / "one.pem",
                        "-pubout", "-out", self.public_file], check=True)

    @staticmethod
    def _make(path):
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:2048", "-out", path],
                       check=True, capture_output=True)
        return path.read_text()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def issuer_process(keys):
    process = harness.Emulator("--require-issued-token",
                               "--public-key", keys.public_file)
    yield process
    process.stop()


class Issuer:
    """The emulator as one who gives out tokens."""

    def __init__(self, process):
        self.process = process
        self.url = process.url
        self.host = process.url.removeprefix("http://")

    def set(self, **settings):
        self.process.ask("identity", settings)

    def asked(self):
        return self.process.ask("identity")

    def headers(self):
        """Of the last request to a model."""
        found = self.process.ask("requests?last=100")
        found = found["requests"] if isinstance(found, dict) else found
        last = [r for r in found if r["path"].count("generateContent")][-1]
        return {k.lower(): v for k, v in last["headers"].items()}


@pytest.fixture
def issuer(issuer_process):
    issuer_process.reset()
    yield Issuer(issuer_process)
    issuer_process.reset()


class World:
    """Writes credential files and starts servers with them."""

    def __init__(self, issuer, keys, start, folder):
        self.issuer, self.keys, self.begin = issuer, keys, start
        self.folder = folder
        self.file = folder / "credential.json"

    def write(self, credential, name="credential.json"):
        path = self.folder / name
        path.with_suffix(".new").write_text(json.dumps(credential))
        path.with_suffix(".new").rename(path)
        return path

    def text(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def start(self, credential=None, *flags, env=None):
        if credential is not None:
            flags = ("--credentials-file", self.write(credential), *flags)
        return self.begin(
            "--base-url", self.issuer.url, "--project", "e2e",
            "--default-model", harness.MODEL,
            "--token-url", f"{self.issuer.url}/token", *flags,
            env={"NO_GCE_CHECK": "true", "HOME": str(self.folder),
                 "CLOUDSDK_CONFIG": ""} | (env or {}), plain=True)

    def account(self, **more):
        return {"type": "service_account", "project_id": "e2e-file",
                "private_key_id": "kid", "private_key": self.keys.private,
                "client_email": ACCOUNT,
                "token_uri": f"{self.issuer.url}/token"} | more

    def user(self, **more):
        return {"type": "authorized_user", "client_id": "emulated-client",
                "client_secret": "emulated-secret",
                "refresh_token": REFRESH} | more

    def iam(self, account="target@e2e.iam.gserviceaccount.com"):
        return (f"{self.issuer.url}/v1/projects/-/serviceAccounts/{account}"
                ":generateAccessToken")

    def impersonated(self, source, **more):
        return {"type": "impersonated_service_account", "delegates": [],
                "service_account_impersonation_url": self.iam(),
                "source_credentials": source} | more

    def external(self, source, **more):
        return {"type": "external_account", "audience": AUDIENCE,
                "subject_token_type":
                    "urn:ietf:params:oauth:token-type:id_token",
                "token_url": f"{self.issuer.url}/v1/token",
                "credential_source": source} | more

    def aws(self, **more):
        latest = f"{self.issuer.url}/latest"
        return self.external({
            "environment_id": "aws1",
            "region_url": f"{latest}/meta-data/placement/availability-zone",
            "url": f"{latest}/meta-data/iam/security-credentials",
            "imdsv2_session_token_url": f"{latest}/api/token",
            "regional_cred_verification_url":
                "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity"
                "&Version=2011-06-15"} | more,
            subject_token_type=
                "urn:ietf:params:aws:token-type:aws4_request")

    def program(self, body):
        path = self.folder / "program"
        path.write_text("#!/bin/sh\n" + body)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path


@pytest.fixture
def world(issuer, keys, start, tmp_path):
    return World(issuer, keys, start, tmp_path)


def generate(stub, timeout=30, prompt="Who goes there?"):
    answer = stub.Generate(Request(prompt=prompt), timeout=timeout)
    assert answer.text
    return answer


def say_token(world):
    """A program that prints the subject token, and what it was told."""
    answer = json.dumps({
        "version": 1, "success": True, "id_token": "emulated-subject",
        "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "expiration_time": int(time.time()) + 600})
    return world.program(
        f"env > {world.folder}/told; echo \"$1\" >> {world.folder}/told\n"
        f"cat <<'END'\n{answer}\nEND\n")


ALLOW = {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}
KINDS = {
    "service_account": lambda w: (w.account(), {"token": 1}),
    "authorized_user": lambda w: (w.user(), {"token": 1}),
    "impersonated_by_account":
        lambda w: (w.impersonated(w.account()), {"token": 1, "iam": 1}),
    "impersonated_by_user":
        lambda w: (w.impersonated(w.user(), delegates=["d@e2e"]),
                   {"token": 1, "iam": 1}),
    "external_file":
        lambda w: (w.external({"file": w.text("t", "emulated-subject")}),
                   {"sts": 1}),
    "external_json_file_impersonating":
        lambda w: (w.external(
            {"file": w.text("t", '{"id": "emulated-subject"}'),
             "format": {"type": "json", "subject_token_field_name": "id"}},
            service_account_impersonation_url=w.iam(),
            service_account_impersonation={"token_lifetime_seconds": 900}),
            {"sts": 1, "iam": 1}),
    "external_url":
        lambda w: (w.external(
            {"url": f"{w.issuer.url}/subject-token",
             "headers": {"Metadata": "True"},
             "format": {"type": "json",
                        "subject_token_field_name": "access_token"}}),
            {"subject": 1, "sts": 1}),
    "external_client":
        lambda w: (w.external({"file": w.text("t", "emulated-subject")},
                              client_id="emulated-client",
                              client_secret="emulated-secret"), {"sts": 1}),
    "external_workforce":
        lambda w: (w.external({"file": w.text("t", "emulated-subject")},
                              workforce_pool_user_project="wp"), {"sts": 1}),
    "external_executable":
        lambda w: (w.external({"executable": {
            "command": f"{say_token(w)} 'two words'"}}), {"sts": 1}),
    "external_aws": lambda w: (w.aws(), {"aws": 4, "sts": 1}),
    "workforce_user":
        lambda w: (w.user(type="external_account_authorized_user",
                          token_url=f"{w.issuer.url}/v1/token"), {"sts": 1}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind__good__obtains_a_token_once_and_generates(world, kind):
    credential, wanted = KINDS[kind](world)
    server, stub = world.start(credential, env=ALLOW)
    for _ in range(3):
        generate(stub)
    asked = world.issuer.asked()
    wanted = dict.fromkeys(["token", "sts", "iam", "metadata", "aws",
                            "subject"], 0) | wanted
    assert {k: asked[k] for k in wanted} == wanted
    assert asked["refused"] == 0
    assert f'"credential":"{credential["type"]}"' in server.log()
    if kind == "external_executable":
        told = (world.folder / "told").read_text()
        assert f"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE={AUDIENCE}\n" in told
        assert "GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0\n" in told
        assert told.endswith("two words\n")


def test_aws__keys_in_environment__no_metadata_server(world):
    env = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEMULATED",
           "AWS_SECRET_ACCESS_KEY": "emulated/aws+secret"}
    _, stub = world.start(world.aws(), env=env)
    generate(stub)
    assert world.issuer.asked()["aws"] == 0


def test_aws__wrong_secret__refused_by_the_exchange(world):
    env = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEMULATED",
           "AWS_SECRET_ACCESS_KEY": "another"}
    _, stub = world.start(world.aws(), env=env)
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "invalid_grant" in failure.message


def test_self_signed__service_account__asks_nobody(world):
    _, stub = world.start(world.account(), "--self-signed-jwt")
    generate(stub)
    assert world.issuer.asked()["token"] == 0


def test_metadata__asked_for__token_and_project(world):
    server, stub = world.begin(
        "--base-url", world.issuer.url, "--credentials", "metadata",
        "--default-model", harness.MODEL,
        env={"GCE_METADATA_HOST": world.issuer.host}, plain=True)
    generate(stub)
    assert '"project":"emulated-metadata"' in server.log()
    assert '"credential":"metadata"' in server.log()


def test_search__nothing_else__metadata_server_is_found(world):
    server, stub = world.start(
        None, "--credentials", "adc",
        env={"GCE_METADATA_HOST": world.issuer.host, "NO_GCE_CHECK": ""})
    generate(stub)
    assert '"credential":"metadata"' in server.log()


@pytest.mark.parametrize("where", ["CLOUDSDK_CONFIG", "HOME"])
def test_search__gcloud_file__found(world, where):
    folder = world.folder / ("" if where == "CLOUDSDK_CONFIG"
                             else ".config/gcloud")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "application_default_credentials.json").write_text(
        json.dumps(world.user()))
    server, stub = world.start(None, "--credentials", "adc",
                               env={where: str(world.folder)})
    generate(stub)
    assert '"credential":"authorized_user"' in server.log()


def test_project__not_set__that_of_the_file(world):
    server, stub = world.begin(
        "--base-url", world.issuer.url, "--default-model", harness.MODEL,
        "--credentials-file", world.write(world.account()), plain=True)
    generate(stub)
    assert '"project":"e2e-file"' in server.log()


@pytest.mark.parametrize("flags, wanted", [
    ((), "payer"), (("--quota-project", "other"), "other")])
def test_quota_project__in_file_or_flag__sent(world, flags, wanted):
    _, stub = world.start(world.user(quota_project_id="payer"), *flags)
    generate(stub)
    assert world.issuer.headers()["x-goog-user-project"] == wanted


BAD_FILES = {
    "missing": (None, "does not exist"),
    "not_json": ("{", "is no JSON object"),
    "no_type": ("{}", "has no type"),
    "other_type": ('{"type": "gdch_service_account"}', "does not know"),
    "no_key": ('{"type": "service_account", "client_email": "a@b"}',
               "has no private_key"),
    "no_rsa": ('{"type": "service_account", "client_email": "a@b",'
               ' "private_key": "se-cret"}', "no RSA key"),
    "plain_http": ('{"type": "external_account_authorized_user",'
                   '"client_id": "c", "client_secret": "se-cret",'
                   '"refresh_token": "se-cret",'
                   '"token_url": "http://example.com/t"}', "token_url"),
    "program": ('{"type": "external_account", "audience": "a",'
                '"subject_token_type": "t", "credential_source":'
                '{"executable": {"command": "/bin/true"}}}',
                "ALLOW_EXECUTABLES"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_file__no_good__exits_and_says_what(tmp_path, case):
    text, wanted = BAD_FILES[case]
    path = tmp_path / "bad.json"
    if text is not None:
        path.write_text(text)
    process = harness.Vertexd("--project", "p", "--credentials-file", path)
    assert process.child.wait(20) == 2
    process.stop()
    assert str(path) in process.log() and wanted in process.log()
    assert "se-cret" not in process.log()


def test_key__wrong__unavailable_until_the_file_is_right(world):
    server, stub = world.start(world.account(private_key=world.keys.other))
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "invalid_grant" in failure.message
    assert "Invalid JWT Signature" in failure.message
    world.write(world.account())
    time.sleep(1.1)
    generate(stub)
    assert "PRIVATE" not in server.log()


def test_file__changed_and_no_good__former_stays(world):
    server, stub = world.start(world.account())
    generate(stub)
    world.text("credential.json", '{"type": "service_account"}')
    time.sleep(1.1)
    generate(stub)
    assert harness.eventually(
        lambda: '"event":"credential_file_ignored"' in server.log())
    assert world.issuer.asked()["token"] == 1
    world.write(world.user())
    time.sleep(1.1)
    generate(stub)
    assert harness.eventually(lambda: world.issuer.asked()["token"] == 2)


def test_clock__off_by_hours__says_so(world):
    world.issuer.set(clock_offset=7200)
    _, stub = world.start(world.account())
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "reasonable timeframe" in failure.message


def test_grant__revoked__says_so_and_keeps_secrets(world):
    secret = "1//0gAbCdEfGhIjKlMnOpQrStUvWxYz"
    server, stub = world.start(world.user(refresh_token=secret))
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "expired or revoked" in failure.message
    assert secret not in server.log() + failure.message


def test_impersonation__not_permitted__says_so(world):
    _, stub = world.start(world.impersonated(
        world.user(),
        service_account_impersonation_url=world.iam("forbidden@e2e")))
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "PERMISSION_DENIED" in failure.message


@pytest.mark.parametrize("fault", ["http_503", "http_500", "reset"])
def test_endpoint__away_for_a_moment__retried(world, fault):
    world.issuer.set(fault=fault, fail_times=2)
    _, stub = world.start(world.account())
    generate(stub)
    assert 3 <= world.issuer.asked()["token"] <= 4


@pytest.mark.parametrize("fault", ["not_json", "no_token"])
def test_endpoint__answers_nonsense__says_so(world, fault):
    world.issuer.set(fault=fault)
    _, stub = world.start(world.account())
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE") as failure:
        generate(stub)
    assert "without a usable token" in failure.message


def test_endpoint__down_at_start__serves_once_it_is_up(world):
    world.issuer.set(fault="http_503")
    server, stub = world.start(world.account())
    with fails("UNAVAILABLE", "CREDENTIAL_REFRESH_FAILED"):
        generate(stub)
    with fails("UNAVAILABLE", "CREDENTIAL_REFRESH_FAILED") as failure:
        generate(stub, timeout=2)  # at once, while it backs off
    assert "HTTP 503" in failure.message
    assert '"event":"token_refresh_failed"' in server.log()
    world.issuer.set()
    assert harness.eventually(lambda: works(stub))
    assert "assertion" not in server.log()


def works(stub):
    try:
        generate(stub)
    except Exception:  # whatever it is, it is asked again
        return False
    return True


def test_endpoint__nobody_listens__unavailable(world):
    _, stub = world.start(world.account(token_uri="http://127.0.0.1:9/token"))
    with fails("UNAVAILABLE", "CREDENTIAL_REFRESH_FAILED"):
        generate(stub)


def test_endpoint__down_later__old_token_to_its_end(world):
    world.issuer.set(expires_in=16)
    _, stub = world.start(world.account())
    generate(stub)
    begun = time.monotonic()
    world.issuer.set(fault="http_503")
    while time.monotonic() < begun + 10:
        generate(stub)
        time.sleep(0.2)
    assert world.issuer.asked()["token"] > 1
    time.sleep(max(0, begun + 17 - time.monotonic()))
    with fails("UNAVAILABLE", "CREDENTIAL_REFRESH_FAILED"):
        generate(stub)
    world.issuer.set()
    assert harness.eventually(lambda: works(stub))


def test_endpoint__slow__calls_wait_to_their_deadline(world):
    world.issuer.set(latency_ms=1500)
    _, stub = world.start(world.account())
    with fails("DEADLINE_EXCEEDED"):
        generate(stub, timeout=0.4)
    generate(stub)
    assert world.issuer.asked()["token"] == 1


def test_endpoint__hangs__calls_fail_with_it(world):
    world.issuer.set(fault="hang")
    server, stub = world.start(world.account())
    with fails("DEADLINE_EXCEEDED"):
        generate(stub, timeout=1)
    assert server.stop() == 0, server.log()  # the request is still under way


def call_many(stub, count):
    futures = [stub.Generate.future(Request(prompt=f"n{i}"), timeout=60)
               for i in range(count)]
    assert all(f.result().text for f in futures)


def test_token__first__a_thousand_calls_one_request(world):
    world.issuer.set(latency_ms=700)
    _, stub = world.start(world.account())
    call_many(stub, 1000)
    assert world.issuer.asked()["token"] == 1


def test_token__expires__a_thousand_calls_one_refresh(world):
    """Renewed from 2 s on, which takes 3 s; expired at 4 s."""
    world.issuer.set(expires_in=4)
    _, stub = world.start(world.account())
    generate(stub)
    begun = time.monotonic()
    world.issuer.set(latency_ms=3000)
    time.sleep(max(0, begun + 4.2 - time.monotonic()))
    call_many(stub, 1000)
    assert world.issuer.asked()["token"] == 2


def test_token__refused_by_the_model__renewed_once(world):
    _, stub = world.start(world.account())
    generate(stub)
    time.sleep(10.2)
    world.issuer.set(forget=1)
    call_many(stub, 100)
    assert world.issuer.asked()["token"] == 2


def test_token__short_lived__calls_never_fail(world):
    world.issuer.set(expires_in=2)
    _, stub = world.start(world.account())
    begun = time.monotonic()
    while time.monotonic() < begun + 5:
        generate(stub)
        time.sleep(0.02)
    assert 4 <= world.issuer.asked()["token"] <= 8


def test_workforce_user__token_renewed__with_the_new_refresh_token(world):
    world.issuer.set(expires_in=2)
    _, stub = world.start(world.user(
        type="external_account_authorized_user",
        token_url=f"{world.issuer.url}/v1/token"))
    generate(stub)
    assert harness.eventually(lambda: world.issuer.asked()["sts"] >= 3)
    generate(stub)
    assert world.issuer.asked()["refused"] == 0


def test_subject_file__rotated__read_at_each_request(world):
    path = world.text("token", "not-yet")
    _, stub = world.start(world.external({"file": path}))
    with fails("FAILED_PRECONDITION", "CREDENTIAL_UNAVAILABLE"):
        generate(stub)
    world.text("token", "emulated-subject")
    assert harness.eventually(lambda: works(stub))


PROGRAMS = {
    "fails": ('echo \'{"version":1,"success":false,"code":"1",'
              '"message":"se-cret"}\'', "FAILED_PRECONDITION", "it failed"),
    "nonsense": ("echo se-cret", "FAILED_PRECONDITION", "no"),
    "exit": ("exit 3", "UNAVAILABLE", "without success"),
    "torrent": ("yes se-cret", "UNAVAILABLE", "more than 64 KiB"),
    "hangs": ("sleep 100 & echo $! > child; wait", "UNAVAILABLE", "killed"),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_program__no_good__said_without_its_words(world, case):
    body, code, wanted = PROGRAMS[case]
    server, stub = world.start(
        world.external({"executable": {
            "command": str(world.program(f"cd {world.folder}; {body}")),
            "timeout_millis": 5000}}),
        env=ALLOW)
    with fails(code) as failure:
        generate(stub)
    assert wanted in failure.message
    assert "se-cret" not in failure.message + server.log()
    if case == "hangs":  # what it started is gone, too
        child = (world.folder / "child").read_text().strip()
        assert harness.eventually(lambda: gone(child))


def gone(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return state.rsplit(")", 1)[1].split()[0] == "Z"  # nobody reaps it here


def test_program__output_file__used_while_valid(world):
    output = world.text("output", json.dumps({
        "version": 1, "success": True, "id_token": "emulated-subject",
        "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "expiration_time": int(time.time()) + 600}))
    _, stub = world.start(
        world.external({"executable": {"command": "/nowhere/program",
                                       "output_file": output}}), env=ALLOW)
    generate(stub)


def test_server__stops_in_mid_request__at_once(world):
    world.issuer.set(fault="hang")
    server, stub = world.start(world.account(), "--drain-timeout", "0s")
    call = stub.Generate.future(Request(prompt="p"), timeout=60)
    assert harness.eventually(lambda: world.issuer.asked()["token"] == 1)
    begun = time.monotonic()
    assert server.stop() == 0, server.log()
    assert time.monotonic() < begun + 5
    assert call.exception()
