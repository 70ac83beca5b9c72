"""A template over items."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
DEFAULTS = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"))


async def process_with_template():
    frameworks = ["TensorFlow", "PyTorch", "scikit-learn"]
    template = "What are the main features of {item}?"
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        answer = await stub.MapGenerate(v1.MapGenerateRequest(
            template=template, items=frameworks, defaults=DEFAULTS,
            max_concurrency=3))

    for framework, result in zip(frameworks, answer.results):
        print(f"Framework: {framework}")
        print(f"Response: {result.response.text[:100]}...")
        print()


asyncio.run(process_with_template())
