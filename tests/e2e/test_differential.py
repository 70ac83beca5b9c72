"""google-genai and vertexd make the same requests to the same upstream: what
arrives there and what comes back is the same, but for what
differential_reasons.py lists. A difference that it does not list fails, and so
does one that it lists and that is not there.
"""

import grpc
import pytest
from vertexd.v1 import vertexd_pb2_grpc

import differential
import differential_cases
import differential_reasons
import harness
import scripted
from shapes_answers import ANSWERS
from shapes_errors import ERRORS
from shapes_streams import STREAMS
from test_recorded_shapes import make_replies, name_of

EXPECTED = differential_reasons.by_case()


def server_for(url):
    """vertexd as google-genai is: with one attempt for each call."""
    return harness.Vertexd(
        "--base-url", url, "--project", differential.PROJECT, "--location",
        differential.LOCATION, "--api-key", "k", "--interactive-attempts", "1",
        "--throttle-wait", "0s", "--no-adaptive").start()


class World:
    """An upstream, the two clients of it, and the server between."""

    def __init__(self, url):
        self.server = server_for(url)
        self.channel = grpc.insecure_channel(self.server.target, options=[
            ("grpc.max_receive_message_length", -1)])
        self.stub = vertexd_pb2_grpc.GenerationServiceStub(self.channel)
        self.client = differential.sdk_client(url)

    def stop(self):
        self.channel.close()
        assert self.server.stop() == 0, self.server.log()


@pytest.fixture(scope="module")
def emulated():
    emulator = harness.Emulator()
    world = World(emulator.url)
    world.emulator = emulator
    yield world
    world.stop()
    emulator.stop()


@pytest.fixture(scope="module")
def recorded():
    with scripted.upstream(make_replies()) as upstream:
        world = World(upstream.url)
        yield world
        world.stop()


def check(case, found):
    assert found == set(EXPECTED.get(case, ())), case


def compare(world, sdk_call, own_call, request):
    """Differences of both kinds; each call of a pair finds the emulator new.
    """
    world.emulator.reset()
    sdk = sdk_call()
    sent = world.emulator.requests() if world.emulator.stats()[
        "requests"] else []
    if request is None:
        return set() if sdk[0] == "raised" else {"contract"}
    world.emulator.reset()
    own = own_call(request)
    arrived = world.emulator.requests() if world.emulator.stats()[
        "requests"] else []
    found = differential.outcome(sdk, own)
    if len(sent) != len(arrived):
        return found | {"sent"}
    for one, other in zip(sent, arrived):
        found |= differential.differences(
            differential.arrived(one), differential.arrived(other), "body")
    return found


CASES = list(differential_cases.cases())
COUNTS = list(differential_cases.counts())


def names(cases):
    return [case[0] for case in cases]


@pytest.mark.parametrize("name, contents, config, model", CASES,
                         ids=names(CASES))
def test_generate__of_a_case__differs_as_listed(emulated, name, contents,
                                                config, model):
    check(name, compare(
        emulated, lambda: differential.ask_sdk(
            emulated.client, contents, config, model),
        lambda request: differential.ask_vertexd(emulated.stub, request),
        differential.own_request(contents, config, model)))


@pytest.mark.parametrize("name, contents, config, model", CASES,
                         ids=names(CASES))
def test_stream__of_a_case__differs_as_listed(emulated, name, contents, config,
                                              model):
    check(f"stream, {name}", compare(
        emulated, lambda: differential.stream_sdk(
            emulated.client, contents, config, model),
        lambda request: differential.stream_vertexd(emulated.stub, request),
        differential.own_request(contents, config, model)))


@pytest.mark.parametrize("name, contents, config, model", COUNTS,
                         ids=names(COUNTS))
def test_count__of_a_case__differs_as_listed(emulated, name, contents, config,
                                             model):
    check(f"count, {name}", compare(
        emulated, lambda: differential.count_sdk(
            emulated.client, contents, config, model),
        lambda request: differential.count_vertexd(emulated.stub, request),
        differential.own_count(contents, config, model)))


def compare_shape(world, shape, sdk_call, own_call):
    model = name_of(shape.model)
    config = {"response_mime_type": "application/json"} if shape.request else {}
    return differential.outcome(
        sdk_call(world.client, "Say it.", config, model),
        own_call(world.stub,
                 differential.own_request("Say it.", config, model)))


@pytest.mark.parametrize("shape", ANSWERS + ERRORS,
                         ids=[s.name for s in ANSWERS + ERRORS])
def test_generate__of_a_shape__differs_as_listed(recorded, shape):
    check(f"shape: {shape.name}", compare_shape(
        recorded, shape, differential.ask_sdk, differential.ask_vertexd))


@pytest.mark.parametrize("shape", ANSWERS + STREAMS + ERRORS,
                         ids=[s.name for s in ANSWERS + STREAMS + ERRORS])
def test_stream__of_a_shape__differs_as_listed(recorded, shape):
    check(f"stream, shape: {shape.name}", compare_shape(
        recorded, shape, differential.stream_sdk, differential.stream_vertexd))


def test_list__names_of_cases__are_all_there():
    shapes = [f"shape: {s.name}" for s in ANSWERS + ERRORS]
    known = {*names(CASES), *(f"stream, {n}" for n in names(CASES)),
             *(f"count, {n}" for n in names(COUNTS)), *shapes,
             *(f"stream, {s}" for s in shapes),
             *(f"stream, shape: {s.name}" for s in STREAMS)}
    assert EXPECTED.keys() <= known


def test_config__every_field_of_google_genai__has_a_case():
    from google.genai import types
    used = {field for _, _, config, _ in CASES for field in config}
    assert used >= set(types.GenerateContentConfig.model_fields)


def test_document__of_differences__is_what_the_list_makes():
    path = harness.ROOT / "docs" / "differences.md"
    assert path.read_text(encoding="utf-8") == differential_reasons.page()
