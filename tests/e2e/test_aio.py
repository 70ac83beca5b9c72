"""The same server from grpc.aio."""

import asyncio

import grpc
import pytest
from vertexd.v1 import vertexd_pb2, vertexd_pb2_grpc

from harness import control, eventually

Request = vertexd_pb2.GenerateRequest


def run(server, scenario):
    async def main():
        async with grpc.aio.insecure_channel(server.target) as channel:
            return await scenario(
                vertexd_pb2_grpc.GenerationServiceStub(channel))
    return asyncio.run(main())


def test_aio__generate_stream_batch_and_map__together(emulator, server):
    async def scenario(stub):
        async def streamed():
            return "".join([c.text async for c in stub.StreamGenerate(
                Request(prompt="s"))])

        async def batch():
            return [m.result.response.text async for m in stub.BatchGenerate(
                        vertexd_pb2.BatchGenerateRequest(prompts=["a", "b"]))
                    if m.HasField("result")]

        return await asyncio.gather(
            stub.Generate(Request(prompt="g")), streamed(), batch(),
            stub.MapGenerate(vertexd_pb2.MapGenerateRequest(
                template="m {item}", items=["1", "2"])))

    answer, text, texts, mapped = run(server, scenario)
    assert '"g"' in answer.text and '"s"' in text
    assert '"a"' in texts[0] and '"b"' in texts[1]
    assert '"m 2"' in mapped.results[1].response.text


def test_aio__wait_for_gives_up__upstream_is_aborted(emulator, server):
    async def scenario(stub):
        call = stub.Generate(Request(prompt="p" + control(latency="60s")))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call, 0.3)
        await asyncio.get_running_loop().run_in_executor(
            None, eventually, lambda: emulator.stats()["aborted"] == 1)
        assert emulator.stats()["aborted"] == 1

    run(server, scenario)


def test_aio__leaving_a_stream__aborts_it(emulator, server):
    async def scenario(stub):
        call = stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=["fast"] + ["p" + control(latency="60s")] * 20,
            max_concurrency=21))
        async for _ in call:
            break
        call.cancel()
        await asyncio.get_running_loop().run_in_executor(
            None, eventually, lambda: emulator.stats()["in_flight"] == 0)
        assert emulator.stats()["in_flight"] == 0

    run(server, scenario)


def test_aio__error__has_code_and_message(emulator, server):
    async def scenario(stub):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Generate(Request(
                prompt="p" + control(fault="http_503")))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert caught.value.details()

    run(server, scenario)


def test_aio__500_at_once__each_gets_its_own_answer(emulator, server):
    async def scenario(stub):
        return await asyncio.gather(*(
            stub.Generate(Request(prompt=f"n{i}" + control(latency="100ms")))
            for i in range(500)))

    answers = run(server, scenario)
    assert all(f'"n{i}"' in a.text for i, a in enumerate(answers))
