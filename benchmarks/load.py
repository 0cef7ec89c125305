"""A load generator: the same bytes over and over, on connections that stay open, one request under way on each.

Answers are looked at as little as can be (status and length), so that what is measured is the server; `serve_nothing` is a server
that shows how much more the generator could do.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvloop

from benchmarks.servers import CLIENT_CORE

CONNECTIONS = 16
LATE_S = 30.0  # an answer that comes later than this after the end does not come


class _Connection(asyncio.Protocol):
    """One request after the other until the time is over."""

    def __init__(self, request: bytes, latencies: list[float], end: float, over: asyncio.Future[None]) -> None:
        self._request, self._latencies, self._end, self._over = request, latencies, end, over
        self._rest = b""
        self.last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is one, and is not registered as such
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        answer = self._rest + data if self._rest else data
        if not is_whole(answer):
            self._rest = answer
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        self._rest, self.last = b"", answer
        if not answer.startswith(b"HTTP/1.1 2"):
            self._finish(RuntimeError(answer[:1000].decode(errors="replace")))
        elif now >= self._end:
            self._finish(None)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or ConnectionError("closed by the server"))

    def _finish(self, error: Exception | None) -> None:
        if not self._over.done():
            if error is None:
                self._over.set_result(None)
            else:
                self._over.set_exception(error)
            self._transport.close()


def is_whole(answer: bytes) -> bool:
    """Whether an answer with a Content-Length has come to its end."""
    head = answer.find(b"\r\n\r\n")
    if head < 0:
        return False
    field = answer[:head].lower().find(b"\r\ncontent-length:")
    return field >= 0 and len(answer) >= head + 4 + int(answer[field + 17 : head + 2].split(b"\r\n", 1)[0])


def request(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """A POST, ready to be sent."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def per_second(port: int, sent: bytes, seconds: float, connections: int = CONNECTIONS) -> tuple[float, bytes, list[float]]:
    """Requests/s, the last answer, and how long each took, sorted, in seconds."""
    return uvloop.run(_load(port, sent, seconds, connections))


async def _load(port: int, sent: bytes, seconds: float, connections: int) -> tuple[float, bytes, list[float]]:
    loop, latencies = asyncio.get_running_loop(), list[float]()
    started = time.perf_counter()
    overs: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    clients = [partial(_Connection, sent, latencies, started + seconds, over) for over in overs]
    made = [(await loop.create_connection(client, "127.0.0.1", port))[1] for client in clients]
    async with asyncio.timeout(seconds + LATE_S):
        await asyncio.gather(*overs)
    return len(latencies) / (time.perf_counter() - started), made[0].last, sorted(latencies)


def percentile(ordered: list[float], share: float) -> float:
    """Of sorted values, the one below which this share lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def on_the_clients_core() -> Iterator[None]:
    """The process on the core that no server is pinned to."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CLIENT_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Nothing(asyncio.Protocol):
    """A server that answers whatever comes, unread."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 (that is the point)
        self._transport.write(self.ANSWER)


def serve_nothing(port: int) -> None:
    """Run such a server until the process is killed."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Nothing, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(run())
