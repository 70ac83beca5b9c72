"""An upstream that sends exactly the bytes it is told to."""

import contextlib
import http.server
import re
import socket
import threading


class Reply:
    """Status, headers and body; the body in pieces goes out chunk by chunk,
    each in a segment of its own, and as a whole with its length."""

    def __init__(self, body, status=200, kind="application/json; charset=UTF-8",
                 headers=()):
        self.pieces = None if isinstance(body, bytes) else list(body)
        self.body = body if isinstance(body, bytes) else b"".join(self.pieces)
        self.status = status
        self.headers = [("Content-Type", kind), *headers]

    @classmethod
    def stream(cls, pieces):
        return cls(pieces, kind="text/event-stream")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        model, verb = re.search(r"/models/([^/:?]+):(\w+)", self.path).groups()
        with self.server.lock:
            self.server.asked.append((model, verb))
            self.server.bodies.append(body)
        reply = self.server.replies[model, verb]
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.pieces is None:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if reply.pieces is None:
            self.wfile.write(reply.body)
        else:
            for piece in reply.pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def upstream(replies):
    """A server that answers a model's verb with replies[model, verb]."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.replies, server.asked, server.bodies = replies, [], []
    server.lock = threading.Lock()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
