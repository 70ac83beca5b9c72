"""Three prompts, at most three at a time; results in the prompts' order."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
DEFAULTS = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"))


async def make_multiple_requests():
    prompts = [
        "What is machine learning?",
        "What is deep learning?",
        "What is reinforcement learning?",
    ]
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        stream = stub.BatchGenerate(v1.BatchGenerateRequest(
            prompts=prompts, defaults=DEFAULTS, max_concurrency=3))
        results = [m.result async for m in stream if m.HasField("result")]

    for prompt, result in zip(prompts, results):
        print(f"Prompt: {prompt}")
        print(f"Response: {result.response.text[:100]}...")
        print()


asyncio.run(make_multiple_requests())
