"""Several operations at once."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
DEFAULTS = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"))


async def complex_workflow():
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)

        async def task1():
            return await stub.Generate(v1.GenerateRequest(
                model=DEFAULTS.model, prompt="What is machine learning?"))

        async def task2():
            return await stub.MapGenerate(v1.MapGenerateRequest(
                template="What is {item} used for?", defaults=DEFAULTS,
                items=["Python", "JavaScript", "Rust"]))

        async def task3():
            return await stub.Generate(v1.GenerateRequest(
                model=DEFAULTS.model,
                prompt="Write a short poem about technology."))

        result1, result2, result3 = await asyncio.gather(
            task1(), task2(), task3())

    print("Task 1 Result:", result1.text[:50], "...")
    print("Task 2 Results:",
          [r.response.text[:20] + "..." for r in result2.results])
    print("Task 3 Result:", result3.text[:50], "...")


asyncio.run(complex_workflow())
