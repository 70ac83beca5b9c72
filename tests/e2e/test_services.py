"""Health, reflection and metadata: what tools expect of any gRPC server."""

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from vertexd.v1 import vertexd_pb2

from calls import fails
from harness import Vertexd, control

SERVICE = "vertexd.v1.GenerationService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def health(channel):
    return health_pb2_grpc.HealthStub(channel)


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health__check__says_serving(health, service):
    answer = health.Check(health_pb2.HealthCheckRequest(service=service))
    assert answer.status == SERVING


def test_health__unknown_service__is_not_found(health):
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="no.such"))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_health__watch__tells_now_and_when_the_server_drains(emulator):
    server = Vertexd("--base-url", emulator.url, "--project", "e2e",
                     "--api-key", "k").start()
    with grpc.insecure_channel(server.target) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE))
        assert next(call).status == SERVING
        server.child.terminate()
        assert next(call).status == NOT_SERVING
        call.cancel()
        assert server.stop() == 0


def test_health__watch_of_an_unknown_service__says_so_and_stays(health):
    call = health.Watch(health_pb2.HealthCheckRequest(service="no.such"))
    assert next(call).status == \
        health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    assert call.is_active()
    call.cancel()


@pytest.fixture(params=["v1", "v1alpha"])
def reflect(request, channel):
    """reflect(request…) -> responses, in either version of the protocol."""
    call = channel.stream_stream(
        f"/grpc.reflection.{request.param}.ServerReflection"
        "/ServerReflectionInfo",
        request_serializer=(
            reflection_pb2.ServerReflectionRequest.SerializeToString),
        response_deserializer=(
            reflection_pb2.ServerReflectionResponse.FromString))

    def asking(*requests):
        return list(call(iter([reflection_pb2.ServerReflectionRequest(**r)
                               for r in requests])))
    return asking


def test_reflection__list__has_every_service(reflect):
    answer, = reflect({"list_services": ""})
    names = {s.name for s in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection"} <= names


@pytest.mark.parametrize("query", [
    {"file_containing_symbol": SERVICE},
    {"file_containing_symbol": f"{SERVICE}.Generate"},
    {"file_containing_symbol": "vertexd.v1.Candidate.FinishReason"},
    {"file_by_filename": "vertexd/v1/vertexd.proto"},
    {"file_containing_symbol": "google.rpc.ErrorInfo"},
    {"file_containing_symbol": "google.rpc.RetryInfo"},
    {"file_by_filename": "google/protobuf/struct.proto"}])
def test_reflection__files__come_with_what_they_import(reflect, query):
    answer, = reflect(query)
    files = {}
    todo = list(answer.file_descriptor_response.file_descriptor_proto)
    assert todo, answer
    while todo:
        file = descriptor_pb2.FileDescriptorProto.FromString(todo.pop())
        files[file.name] = file
        for name in file.dependency:
            if name not in files:
                more, = reflect({"file_by_filename": name})
                todo += more.file_descriptor_response.file_descriptor_proto
    if "vertexd" in str(query):
        assert "vertexd/v1/gemini.proto" in files


def test_reflection__unknown__is_an_error_of_that_request_only(reflect):
    bad, good = reflect({"file_containing_symbol": "no.such"},
                        {"list_services": ""})
    assert bad.error_response.error_code == \
        grpc.StatusCode.NOT_FOUND.value[0]
    assert good.list_services_response.service


def test_request_id__of_the_server__is_in_the_metadata(emulator, stub):
    _, call = stub.Generate.with_call(
        vertexd_pb2.GenerateRequest(prompt="p"))
    metadata = dict(call.initial_metadata()) | dict(call.trailing_metadata())
    assert metadata["x-request-id"]


def test_request_id__of_the_caller__is_kept(emulator, stub):
    _, call = stub.Generate.with_call(
        vertexd_pb2.GenerateRequest(prompt="p"),
        metadata=(("x-request-id", "caller-17"),))
    metadata = dict(call.initial_metadata()) | dict(call.trailing_metadata())
    assert metadata["x-request-id"] == "caller-17"


def test_request_id__of_a_failed_call__is_in_the_log(emulator, server, stub):
    with fails("UNAVAILABLE") as failure:
        stub.Generate(vertexd_pb2.GenerateRequest(
            prompt="SECRET-WORDS" + control(fault="http_503")))
    metadata = dict(failure.error.initial_metadata() or ()) | \
        dict(failure.error.trailing_metadata())
    request_id = metadata["x-request-id"]
    assert server.wait_for(
        lambda: any(request_id in line and "UPSTREAM_UNAVAILABLE" in line
                    for line in server.lines), 5), server.log()
