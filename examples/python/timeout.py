"""At most 30 seconds; the server stops its work then as well."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
REQUEST = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"),
                             prompt="What is quantum computing?")


async def with_timeout():
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        try:
            response = await stub.Generate(REQUEST, timeout=30.0)
            return response.text
        except grpc.aio.AioRpcError as e:
            if e.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            print("The operation timed out")
            return None


print(asyncio.run(with_timeout()))
