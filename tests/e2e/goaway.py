"""A proxy on which connections go away just as a call begins."""

import contextlib
import itertools
import socket
import threading

DATA, SETTINGS, GOAWAY = 0, 4, 7
ACK = 1
ENHANCE_YOUR_CALM = 11
PREFACE = 24  # bytes of the client's greeting


def frame(kind, payload=b"", flags=0):
    """A frame of the connection as a whole."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + bytes(4) \
        + payload


class Proxy:
    """Between clients and a server at target. Every other connection, from the
    first on, ends when a message begins on it, with a GOAWAY that says that no
    call was seen: what gRPC's servers do to a connection without calls when
    memory is short, and that call was on its way. gRPC for C then opens the
    call again on the next connection."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self.server = (host, int(port))
        self.refused = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()

    def _accept(self):
        for turn in itertools.count():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass if turn % 2 else self._refuse,
                             args=(client,), daemon=True).start()

    def _refuse(self, client):
        with client, contextlib.suppress(OSError):
            client.sendall(frame(SETTINGS) + frame(SETTINGS, flags=ACK))
            self._wait_for_data(client)
            self.refused += 1
            client.sendall(frame(
                GOAWAY, bytes(4) + ENHANCE_YOUR_CALM.to_bytes(4, "big")))
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

    @staticmethod
    def _wait_for_data(client):
        got, at = b"", PREFACE
        while piece := client.recv(65536):
            got += piece
            while len(got) >= at + 9:
                if got[at + 3] == DATA:
                    return
                at += 9 + int.from_bytes(got[at:at + 3], "big")
        raise ConnectionError("the client has left")

    def _pass(self, client):
        try:
            server = socket.create_connection(self.server)
        except OSError:
            client.close()
            return
        for here, there in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(here, there),
                             daemon=True).start()

    @staticmethod
    def _pump(here, there):
        try:
            while piece := here.recv(65536):
                there.sendall(piece)
        except OSError:
            pass
        for end in (here, there):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
