"""One prompt, one answer."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
MODEL = os.getenv("VERTEXD_MODEL")  # or else the server's default


async def example():
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        response = await stub.Generate(v1.GenerateRequest(
            model=MODEL, prompt="What is quantum computing?"))
    print(response.text)


asyncio.run(example())
