"""Every shape of answer and error that Vertex AI is known to send, byte for
byte over a real socket, and what callers get of it.

Three tables, in shapes_*.py: ANSWERS (one JSON body, sent as a unary answer, in
a batch and as a stream of one event, whole and byte by byte), STREAMS (what
only streams can do) and ERRORS (what comes instead). A row says what must be
seen; what it does not name is not looked at.
"""

import json

import grpc
import pytest
from google.protobuf import json_format
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc

import calls
import harness
import scripted
from shapes import bytewise
from shapes_answers import ANSWERS
from shapes_errors import ERRORS
from shapes_streams import STREAMS

TIMEOUT = 20


def encoded(sent):
    return sent if isinstance(sent, bytes) else json.dumps(sent).encode()


def error_reply(sent, wrapped):
    status, content, *more = sent
    content = encoded(content)
    if wrapped:
        content = b"[" + content + b"\n]\n"
    return scripted.Reply(content, status, *more)


def make_replies():
    """What the upstream answers by (model, verb)."""
    unary, stream = "generateContent", "streamGenerateContent"
    replies = {}
    for shape in ANSWERS:
        content = encoded(shape.sent)
        framed = b"".join(b"data: " + line + b"\n" for line in
                          content.replace(b"\r\n", b"\n").split(b"\n"))
        replies[shape.model, unary] = scripted.Reply(content)
        replies[shape.model, stream] = scripted.Reply.stream([framed + b"\n"])
        replies[shape.model + "-bytewise", stream] = scripted.Reply.stream(
            bytewise(framed + b"\n"))
    for shape in STREAMS:
        replies[shape.model, stream] = scripted.Reply.stream(shape.sent)
    for shape in ERRORS:
        replies[shape.model, unary] = error_reply(shape.sent, False)
        replies[shape.model, stream] = error_reply(shape.sent, False)
        replies[shape.model + "-wrapped", unary] = error_reply(shape.sent, True)
        replies[shape.model + "-wrapped", stream] = error_reply(
            shape.sent, True)
    return {(name_of(model), verb): reply
            for (model, verb), reply in replies.items()}


def name_of(model):
    """As a model may be called."""
    return "".join(c if c.isalnum() or c in "-_." else
                   f"_{ord(c):x}" for c in model)


@pytest.fixture(scope="module")
def world():
    """(upstream, stub): a scripted upstream and a server that uses it."""
    with scripted.upstream(make_replies()) as upstream:
        server = harness.Vertexd(
            "--base-url", upstream.url, "--project", "p", "--api-key", "k",
            "--interactive-attempts", "1", "--batch-attempts", "1",
            "--throttle-wait", "0s", "--no-adaptive").start()
        with grpc.insecure_channel(server.target, options=[
                ("grpc.max_receive_message_length", -1)]) as channel:
            yield upstream, vertexd_pb2_grpc.GenerationServiceStub(channel)
            left = server.settle()
        assert server.stop() == 0, server.log()
        assert not left, f"left behind: {left}"


def request_of(shape, suffix=""):
    fields = {"prompt": "Say it.", **shape.request}
    return vertexd_pb2.GenerateRequest(model=name_of(shape.model + suffix),
                                       **fields)


def word(descriptor, number):
    return descriptor.values_by_number[number].name


def describe(messages):
    """What is in the messages of one answer, in the words of the tables."""
    whole = vertexd_pb2.GenerateResponse()
    for message in messages:
        whole.MergeFrom(message)
    tail = messages[-1] if messages else whole
    first = [c for m in messages for c in m.candidates if c.index == 0]
    parts = [p for c in first for p in c.content.parts]
    metadata = whole.usage_metadata
    tokens = tail.token_count
    reasons = [m.finish_reason_text for m in messages if m.finish_reason_text]
    return {
        "code": "OK",
        "text": "".join(m.text for m in messages),
        "finish": reasons[-1] if reasons else "",
        "enum": first[-1].finish_reason if first else 0,
        "tokens": (tokens.prompt_tokens, tokens.completion_tokens,
                   tokens.total_tokens) if tail.HasField("token_count")
                  else None,
        "thoughts": "".join(p.text for p in parts if p.thought),
        "signatures": [p.thought_signature for p in parts
                       if p.thought_signature],
        "kinds": [p.WhichOneof("data") for p in parts],
        "calls": [(p.function_call.name,
                   json_format.MessageToDict(p.function_call.args))
                  for p in parts if p.HasField("function_call")],
        "indexes": sorted({c.index for c in whole.candidates}),
        "unrecognized": sorted({u.path for u in whole.unrecognized}),
        "nul": sum(m.serving.nul_replaced for m in messages),
        "ratings": [
            (word(r.DESCRIPTOR.fields_by_name["category"].enum_type,
                  r.category),
             word(r.DESCRIPTOR.fields_by_name["probability"].enum_type,
                  r.probability), r.blocked)
            for c in first for r in c.safety_ratings],
        "citations": [
            (q.uri, q.start_index, q.end_index,
             (q.publication_date.year, q.publication_date.month,
              q.publication_date.day))
            for c in first for q in c.citation_metadata.citations],
        "queries": [q for c in first
                    for q in c.grounding_metadata.web_search_queries],
        "cached": metadata.cached_content_token_count,
        "traffic": word(
            metadata.DESCRIPTOR.fields_by_name["traffic_type"].enum_type,
            metadata.traffic_type),
        "model_version": messages[0].model_version if messages else "",
        "created": whole.create_time.ToJsonString(),
    }


def describe_failure(caught):
    failure = calls.Failure()
    failure.take(caught)
    return {
        "code": failure.code.name, "reason": failure.reason,
        "message": failure.message, "metadata": failure.metadata,
        "finish": failure.metadata.get("finish_reason", ""),
        "field": failure.fields[0] if failure.fields else "",
        "retry_after": failure.retry_after.total_seconds()
        if failure.retry_after is not None else None,
    }


def generate(stub, request):
    try:
        return describe([stub.Generate(request, timeout=TIMEOUT)])
    except grpc.RpcError as caught:
        return describe_failure(caught)


def stream(stub, request):
    messages = []
    try:
        for message in stub.StreamGenerate(request, timeout=TIMEOUT):
            messages.append(message)
        return describe(messages)
    except grpc.RpcError as caught:
        return {**describe_failure(caught),
                "text": "".join(m.text for m in messages)}


def batch(stub, request, options=None):
    done = calls.Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        requests=[request], options=options), timeout=TIMEOUT))
    result, = done.results
    if result.HasField("response"):
        return describe([result.response])
    said = result.error
    return {
        "code": calls.code_name(result), "reason": said.reason,
        "message": said.message, "metadata": dict(said.metadata),
        "finish": said.finish_reason, "field": said.field,
        "http": said.http_status, "retryable": said.retryable,
        "retry_after": said.retry_after.ToTimedelta().total_seconds()
        if said.HasField("retry_after") else None,
    }


def check(seen, want):
    for key, wanted in want.items():
        if key == "message":
            assert wanted in seen["message"], seen
        elif key == "not_in_message":
            assert wanted not in seen["message"], seen
        elif key == "metadata":
            assert wanted.items() <= seen[key].items(), seen
        elif key in seen:  # calls do not tell what items do, and so on
            assert seen[key] == wanted, f"{key}: {seen[key]!r} in {seen}"


def ids(shapes):
    return [shape.name for shape in shapes]


@pytest.mark.parametrize("shape", ANSWERS, ids=ids(ANSWERS))
def test_answer__of_a_known_shape__is_what_the_table_says(world, shape):
    _, stub = world
    check(generate(stub, request_of(shape)), shape.want)
    check(batch(stub, request_of(shape)), shape.want)
    check(stream(stub, request_of(shape)), shape.stream)
    check(stream(stub, request_of(shape, "-bytewise")), shape.stream)


@pytest.mark.parametrize("shape", STREAMS, ids=ids(STREAMS))
def test_stream__of_a_known_shape__is_what_the_table_says(world, shape):
    upstream, stub = world
    check(stream(stub, request_of(shape)), shape.want)
    asked = [a for a in upstream.asked if a[0] == name_of(shape.model)]
    assert len(asked) == 1, "nothing is repeated once a byte was handed on"


@pytest.mark.parametrize("wrapped", ["", "-wrapped"], ids=["bare", "array"])
@pytest.mark.parametrize("shape", ERRORS, ids=ids(ERRORS))
def test_error__of_a_known_shape__is_what_the_table_says(world, shape, wrapped):
    if wrapped and not isinstance(shape.sent[1], dict):
        return  # only JSON comes in arrays
    _, stub = world
    request = request_of(shape, wrapped)
    check(generate(stub, request), shape.want)
    check(stream(stub, request), shape.want)
    if shape.want["code"] != "RESOURCE_EXHAUSTED":
        check(batch(stub, request), shape.want)
        return
    # An item that is refused for quota waits, but not for what is known to take
    # longer than it has.
    options = vertexd_pb2.BatchOptions()
    options.item_timeout.FromMilliseconds(100)
    seen = batch(stub, request, options)
    if "retry_after" in shape.want:
        check(seen, shape.want)
        return
    check(seen, {"code": "DEADLINE_EXCEEDED", "reason": "ITEM_TIMEOUT"})
    assert "UPSTREAM_QUOTA_EXHAUSTED" in seen["metadata"]["tried"]


def test_tables__names__are_unique():
    names = [name_of(s.model) for s in ANSWERS + STREAMS + ERRORS]
    assert len(set(names)) == len(names)


def test_tables__what_they_want__is_something_that_is_seen():
    seen = describe([vertexd_pb2.GenerateResponse()]).keys() | {
        "reason", "message", "not_in_message", "metadata", "field", "http",
        "retryable", "retry_after"}
    for shape in ANSWERS + STREAMS + ERRORS:
        assert shape.want.keys() | shape.stream.keys() <= seen, shape.name
