"""Clients of server-sent events: they read and count, and look into nothing, so that the server is what is measured."""

import json
import re
import selectors
import socket
import time
from dataclasses import dataclass
from typing import Any

EPOCH = b"\nevent: epoch\n"
PIECE = 1 << 20
TIMEOUT_S = 120
_JOB = re.compile(rb'"id":"(job_[0-9a-f]{20})"')


@dataclass(frozen=True, slots=True)
class Read:
    """A stream that was read to its end."""

    seconds: float  # from the request
    n_epochs: int
    n_bytes: int
    job_id: str


def read(port: int, path: str, body: Any = None) -> Read:
    """Read one stream to its end: of a POST with a JSON body, or of a GET."""
    piece, kept = bytearray(PIECE), len(EPOCH) - 1
    n_epochs = n_bytes = 0
    head = rest = b""
    started = time.perf_counter()
    with _asked(port, path, body) as connection:
        while count := connection.recv_into(piece):
            text = rest + memoryview(piece)[:count]
            n_epochs += text.count(EPOCH)
            rest, n_bytes = text[-kept:], n_bytes + count
            if len(head) < 4096:
                head += text[:4096]
    seconds = time.perf_counter() - started
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(head[:1000].decode(errors="replace"))
    job = _JOB.search(head)
    return Read(seconds, n_epochs, n_bytes, job[1].decode() if job else "")


def read_by_many(port: int, path: str, clients: int) -> tuple[float, list[int]]:
    """Seconds until so many clients of one stream have all of it, and the bytes that each got."""
    piece = bytearray(PIECE)
    started = time.perf_counter()
    connections = [_asked(port, path, None) for _ in range(clients)]
    got = dict.fromkeys(connections, 0)
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(TIMEOUT_S):
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                count = ready.recv_into(piece)
                got[ready] += count
                if not count:
                    selector.unregister(ready)
                    ready.close()
    return time.perf_counter() - started, list(got.values())


def _asked(port: int, path: str, body: Any) -> socket.socket:
    sent = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    connection.sendall(head.encode() + sent)
    return connection
