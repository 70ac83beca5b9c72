"""Hostile bytes: each gets its code at once, and the server lives."""

import gzip
import os
import struct
import socket
import time

import grpc
import pytest
from vertexd.v1 import vertexd_pb2

from calls import fails
from harness import control, eventually
from test_upstream import memory_peak

METHOD = "/vertexd.v1.GenerationService/Generate"
MAP = "/vertexd.v1.GenerationService/MapGenerate"
BATCH = "/vertexd.v1.GenerationService/BatchGenerate"
SOON = 15.0  # seconds on a busy machine; it takes milliseconds


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def deep_value(levels):
    """google.protobuf.Value of lists in lists: list_value = 6, values = 1."""
    parts, size = [], 0
    for _ in range(levels):
        inner = varint(1 << 3 | 2) + varint(size)
        outer = varint(6 << 3 | 2) + varint(size + len(inner))
        size += len(inner) + len(outer)
        parts.append(outer + inner)
    return b"".join(reversed(parts))


@pytest.fixture
def send(channel, stub):
    """send(bytes, method) must fail with one of codes, soon; then all goes on.
    """
    def sending(data, *codes, method=METHOD, **options):
        call = channel.unary_unary(method)
        begin = time.monotonic()
        with pytest.raises(grpc.RpcError) as caught:
            call(data, timeout=20, **options)
        assert time.monotonic() - begin < SOON
        error = caught.value
        assert error.code().name in codes, f"{error.code()} {error.details()}"
        assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text
        return error
    return sending


def test_hostile__value_100000_deep__invalid_argument(emulator, send):
    send(field(1, b"{item}") + field(4, deep_value(100_000)),
         "INVALID_ARGUMENT", method=MAP)


def test_hostile__depth__at_the_limit_and_one_past(emulator, channel, send):
    """MapGenerateRequest is one level, each Value and ListValue one more."""
    def request(levels):
        return field(1, b"{index}") + field(4, deep_value(levels))

    answer = vertexd_pb2.MapGenerateResponse.FromString(
        channel.unary_unary(MAP)(request(49)))
    assert answer.results[0].HasField("response")
    send(request(50), "INVALID_ARGUMENT", method=MAP)


def test_hostile__4_mib_of_empty_messages__is_refused(emulator, send):
    """contents = 2 of two bytes each: much heap for little wire."""
    send(field(2, b"")[:2] * (2 << 20), "INVALID_ARGUMENT",
         "RESOURCE_EXHAUSTED")


def test_hostile__invalid_utf8__is_refused(emulator, send):
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                b"abc\xe4\xb8"):
        send(field(100, bad), "INVALID_ARGUMENT")


def test_hostile__nul_in_a_string__is_refused(emulator, send):
    send(field(100, b"a\0b"), "INVALID_ARGUMENT")
    send(field(100, b"p") + field(105, b"\0"), "INVALID_ARGUMENT")
    send(field(2, b"a\0b"), "INVALID_ARGUMENT", method=BATCH)


@pytest.mark.parametrize("data", [
    b"\xff" * 64, b"\x00" * 10, field(100, b"x" * 40)[:20], b"\x0b" * 50,
    varint(100 << 3 | 2) + varint(1 << 63), b"\xa2\x06\xff\xff\xff\xff\x0f",
    varint(100 << 3) + varint(5)], ids=repr)
def test_hostile__garbage__is_refused(emulator, send, data):
    send(data, "INVALID_ARGUMENT", "INTERNAL")


def test_hostile__request_over_the_limit__is_refused(emulator, start):
    server, stub = start("--max-request-bytes", "1000000")
    fine = vertexd_pb2.GenerateRequest(prompt="x" * 999_990)
    assert fine.ByteSize() <= 1_000_000
    assert stub.Generate(fine).text
    with fails("RESOURCE_EXHAUSTED", "REQUEST_TOO_LARGE") as failure:
        stub.Generate(vertexd_pb2.GenerateRequest(prompt="x" * 1_000_000))
    assert "1000005 bytes, 1000000 are allowed" in failure.message
    with fails("RESOURCE_EXHAUSTED"):
        stub.Generate(vertexd_pb2.GenerateRequest(prompt="x" * 9_000_000))
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text
    assert server.child.poll() is None


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def call_headers(path):
    """Literal header fields only, so that they need no HPACK tables."""
    def header(name, value):
        return (b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) +
                value)

    return b"".join(header(*pair) for pair in (
        (b":method", b"POST"), (b":scheme", b"http"),
        (b":path", path.encode()), (b":authority", b"x"),
        (b"content-type", b"application/grpc"), (b"te", b"trailers"),
        (b"grpc-encoding", b"gzip")))


def raw_call(target, message, compressed=1, path=METHOD):
    """One gRPC call over a bare socket: returns what the server sent back."""
    headers = call_headers(path)
    body = bytes([compressed]) + struct.pack(">I", len(message)) + message
    host, port = target.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=SOON) as link:
        link.sendall(PREFACE + frame(4, 0, 0) + frame(1, 4, 1, headers))
        for at in range(0, len(body), 16384):
            piece = body[at:at + 16384]
            link.sendall(frame(0, at + len(piece) == len(body), 1, piece))
        got = b""
        while b"grpc-status" not in got and b"RST" not in got:
            more = link.recv(65536)
            if not more:
                break
            got += more
            if has_reset(got):
                break
        return got


def has_reset(data):
    """True if the frames in data have a RST_STREAM (3) among them."""
    at = 0
    while at + 9 <= len(data):
        if data[at + 3] == 3:
            return True
        at += 9 + int.from_bytes(data[at:at + 3], "big")
    return False


def test_hostile__gzip__a_proper_message_is_understood(emulator, stub):
    answer = stub.Generate(
        vertexd_pb2.GenerateRequest(prompt="packed " * 100),
        compression=grpc.Compression.Gzip)
    assert "packed" in answer.text


def test_hostile__gzip_bomb__is_refused_without_the_memory(emulator, start):
    server, stub = start("--max-request-bytes", "1000000")
    before = memory_peak(server)
    message = field(100, b"a" * (200 << 20))
    bomb = gzip.compress(message, 9)
    assert len(bomb) < 300_000
    begin = time.monotonic()
    answer = raw_call(server.target, bomb)
    assert time.monotonic() - begin < SOON
    assert b"grpc-status" in answer or has_reset(answer)
    assert memory_peak(server) - before < 50 << 20
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text


def test_hostile__gzip_flag_on_garbage__is_refused(emulator, server, stub):
    answer = raw_call(server.target, b"this is no gzip at all")
    assert b"grpc-status" in answer or has_reset(answer)
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text


@pytest.mark.parametrize("path", [
    "/vertexd.v1.GenerationService/Nonsense", "/no.such.Service/Generate",
    "/x", "/" + "a" * 4000, "/vertexd.v1.GenerationService/generate"])
def test_hostile__unknown_method__is_unimplemented(emulator, send, path):
    send(b"", "UNIMPLEMENTED", method=path)


def test_hostile__bytes_that_are_no_http2__harm_nobody(emulator, server,
                                                       stub):
    host, port = server.target.rsplit(":", 1)
    for junk in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01" * 100,
                 b"\x00" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                 b"\xff" * 5000, b""):
        with socket.create_connection((host, int(port)), timeout=SOON) as link:
            link.sendall(junk)
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text


def test_hostile__many_connections_at_once__harm_nobody(emulator, server,
                                                        stub):
    host, port = server.target.rsplit(":", 1)
    links = [socket.create_connection((host, int(port)), timeout=SOON)
             for _ in range(500)]
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text
    for link in links:
        link.close()


def test_hostile__error_details__stay_under_4_kb(emulator, stub):
    request = vertexd_pb2.MapGenerateRequest(
        template="{" + "x" * 100_000 + "}", items=["a"])
    with fails("INVALID_ARGUMENT", "TEMPLATE_INVALID") as failure:
        stub.MapGenerate(request)
    trailers = failure.error.trailing_metadata()
    size = sum(len(k) + len(v) for k, v in trailers) + len(failure.message)
    assert size < 4096 + 512


@pytest.mark.parametrize("method", ["stream", "batch", "map"])
def test_hostile__reader_that_has_stopped__is_cut(emulator, start, method):
    """Then it holds neither memory nor a call; one that reads is not touched.
    """
    server, stub = start("--reader-timeout", "1s")
    long = control(words=30_000)
    calls = {
        "stream": lambda: stub.StreamGenerate(vertexd_pb2.GenerateRequest(
            prompt=control(words=1_000_000, chunks=500))),
        "batch": lambda: stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
            prompts=[long] * 200)),
        "map": lambda: stub.StreamMapGenerate(vertexd_pb2.MapGenerateRequest(
            template="{item}" + long, items=["x"] * 200))}
    call = calls[method]()
    next(call)
    begin = time.monotonic()
    assert eventually(lambda: server.counters()["calls"] == 0)
    assert time.monotonic() - begin > 0.9
    assert not server.settle()
    assert emulator.stats()["in_flight"] == 0
    assert any("READER_TIMEOUT" in line for line in server.lines)
    with fails("DEADLINE_EXCEEDED"):
        list(call)

    assert sum(1 for _ in calls[method]()) >= 200


class Unfinished:
    """One call over a bare socket whose body never gets to its end."""

    def __init__(self, target, size):
        host, port = target.rsplit(":", 1)
        self.link = socket.create_connection((host, int(port)), timeout=SOON)
        self.link.sendall(
            PREFACE + frame(4, 0, 0) + frame(1, 4, 1, call_headers(METHOD)) +
            frame(0, 0, 1, b"\0" + struct.pack(">I", size)))
        self.room = {0: 65530, 1: 65530}  # windows of connection and stream
        self.left = size - 1
        self.got = b""
        self.ended = False

    def _take(self, kind, flags, stream, payload):
        if kind == 8:
            self.room[stream] += int.from_bytes(payload, "big")
        elif kind == 4 and not flags:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, at)
                self.room[1] += value - 65535 if name == 4 else 0
            self.link.sendall(frame(4, 1, 0))
        elif kind == 6 and not flags:
            self.link.sendall(frame(6, 1, 0, payload))
        elif kind in (3, 7):
            self.ended = True

    def _listen(self):
        more = self.link.recv(65536)
        self.ended = self.ended or not more
        self.got += more
        while len(self.got) >= 9:
            size = int.from_bytes(self.got[:3], "big")
            if len(self.got) < 9 + size:
                break
            header, stream = self.got[:9], int.from_bytes(self.got[5:9], "big")
            payload, self.got = self.got[9:9 + size], self.got[9 + size:]
            self._take(header[3], header[4], stream, payload)

    def send_all_but_one(self):
        """Sends what there is room for, until one byte is missing, or until
        the server ends it."""
        while self.left > 0 and not self.ended:
            piece = min(16384, self.left, *self.room.values())
            if piece <= 0:
                self._listen()
                continue
            self.link.sendall(frame(0, 0, 1, b"x" * piece))
            self.left -= piece
            self.room = {k: v - piece for k, v in self.room.items()}


def test_hostile__unfinished_bodies__stay_within_the_budget(emulator, start):
    """What the core has read of messages that are not whole yet is memory,
    too: 120 MiB of it here, were it not for the limit."""
    asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
    server, stub = start("--memory-budget", "16MiB", "--max-request-bytes",
                         "16MiB", env={"ASAN_OPTIONS": asan})
    before = memory_peak(server)
    calls = [Unfinished(server.target, 15 << 20) for _ in range(8)]
    for call in calls:
        call.send_all_but_one()
    grown = memory_peak(server) - before
    for call in calls:
        call.link.close()
    assert grown < 64 << 20
    assert eventually(lambda: server.counters()["calls"] == 0)
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text


def test_hostile__schema_of_many_objects__is_refused_by_the_budget(emulator,
                                                                   start):
    """3 MiB of text; the tree of it takes 800."""
    server, stub = start("--memory-budget", "64MiB", "--max-request-bytes",
                         "16MiB")
    text = '{"enum":[%s]}' % ",".join(["{}"] * (1 << 20))
    before = memory_peak(server)
    with fails("RESOURCE_EXHAUSTED", "SERVER_MEMORY"):
        stub.Generate(vertexd_pb2.GenerateRequest(prompt="p",
                                                  json_schema_text=text))
    assert memory_peak(server) - before < 96 << 20
    assert not emulator.requests()
    assert stub.Generate(vertexd_pb2.GenerateRequest(prompt="alive")).text
