"""What to do when a call fails."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
REQUEST = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"),
                             prompt="What is quantum computing?")


async def safe_generate():
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        try:
            response = await stub.Generate(REQUEST)
            return response.text
        except grpc.aio.AioRpcError as e:
            print(f"Error generating content: {e.code().name} {e.details()}")
            return None


print(asyncio.run(safe_generate()))
