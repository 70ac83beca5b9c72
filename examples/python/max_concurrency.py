"""A batch that keeps to five prompts at a time, read as answers come."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
REQUEST = v1.BatchGenerateRequest(
    prompts=[f"Describe the number {i}." for i in range(20)],
    defaults=v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL")),
    max_concurrency=5)  # adjust to what the application needs


async def limited():
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        async for message in stub.BatchGenerate(REQUEST):
            if message.HasField("result"):
                print(message.result.index, message.result.response.text)


asyncio.run(limited())
