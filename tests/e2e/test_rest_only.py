"""What Vertex AI has in REST only: all of it goes up, and comes back."""

import json
import pathlib

from google.protobuf import json_format
from vertexd.v1 import vertexd_pb2

from harness import MODEL
from scripted import Reply, upstream

Request = vertexd_pb2.GenerateRequest
DATA = pathlib.Path(__file__).parents[1] / "unit" / "data"


def golden(name):
    return json.loads((DATA / name).read_text())


def test_request__every_rest_only_field__arrives(emulator, start):
    wanted = golden("rest_only_request.json")
    with upstream({(MODEL, "generateContent"): Reply(
            b'{"candidates":[{"content":{"parts":[{"text":"ok"}]},'
            b'"finishReason":"STOP"}]}')}) as server:
        _, stub = start(base_url=server.url)
        answer = stub.Generate(json_format.ParseDict(wanted, Request()))
        assert answer.text == "ok"
        assert json.loads(server.bodies[-1]) == wanted


def test_request__what_v1_takes__passes_the_emulators_look(emulator, stub):
    """Which judges names, types and enums by Google's description of v1."""
    wanted = golden("rest_only_request.json")
    del wanted["generationConfig"]["modelConfig"]  # v1beta1 alone has it
    del wanted["continuationToken"]  # the emulator has made none
    stub.Generate(json_format.ParseDict(wanted, Request()))
    assert emulator.only_request().body == wanted


def test_answer__every_rest_only_field__comes_back(emulator, start):
    wanted = golden("rest_only_answer.json")
    del wanted["promptFeedback"]  # a blocked prompt has no answer
    body = json.dumps(wanted).encode()
    with upstream({(MODEL, "generateContent"): Reply(body)}) as server:
        _, stub = start(base_url=server.url)
        answer = stub.Generate(Request(prompt="p", continue_answer=False))
    assert not answer.unrecognized
    assert answer.finish_reason_text == "CONTINUATION"
    assert answer.candidates[0].continuation_token == b"\xff\x00\x01"
    got = json_format.MessageToDict(answer)
    for name in ("candidates", "usageMetadata"):
        assert got[name] == wanted[name]
    assert answer.token_count.prompt_tokens == 12  # with what tools returned
