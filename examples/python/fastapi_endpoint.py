"""An endpoint of a web service: uvicorn fastapi_endpoint:app"""

import contextlib
import os

import grpc
from fastapi import FastAPI
from vertexd.v1 import vertexd_pb2 as v1, vertexd_pb2_grpc

ADDRESS = os.getenv("VERTEXD_ADDRESS", "127.0.0.1:50051")
MODEL = os.getenv("VERTEXD_MODEL")


@contextlib.asynccontextmanager
async def connected(app):
    async with grpc.aio.insecure_channel(ADDRESS) as channel:
        app.state.stub = vertexd_pb2_grpc.GenerationServiceStub(channel)
        yield


app = FastAPI(lifespan=connected)


@app.get("/generate")
async def generate(prompt: str):
    response = await app.state.stub.Generate(
        v1.GenerateRequest(model=MODEL, prompt=prompt))
    return {"response": response.text}
