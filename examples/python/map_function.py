"""A template over items that a function phrases first."""

import asyncio
import os

import grpc
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
DEFAULTS = v1.GenerateRequest(model=os.getenv("VERTEXD_MODEL"))


async def process_with_map_function():
    def format_language(language):
        return f"the {language} programming language"

    languages = ["Python", "JavaScript", "Rust"]
    template = "What are the unique features of {item}?"
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        # Without a function of one's own: items=languages,
        # item_template="the {item} programming language".
        answer = await stub.MapGenerate(v1.MapGenerateRequest(
            template=template, items=map(format_language, languages),
            defaults=DEFAULTS, max_concurrency=3))

    for language, result in zip(languages, answer.results):
        print(f"Language: {language}")
        print(f"Response: {result.response.text[:100]}...")
        print()


asyncio.run(process_with_map_function())
