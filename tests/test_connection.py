"""Tests of how a request's body comes from its connection."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from service.connection import Connection

Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PIECE = bytes(range(256)) * 1024


class Watched(Connection):
    """A connection that remembers what the parser gave it, and says when that is so many pieces."""

    came: list[bytes]
    awaited: int
    is_there: asyncio.Event

    def on_body(self, body: bytes) -> None:
        self.came.append(body)
        super().on_body(body)
        if len(self.came) >= self.awaited:
            self.is_there.set()


def bodies(client: Client, came: list[bytes], *, awaited: int = 1) -> list[list[bytes]]:
    """The messages of the body of each request that the client sends, to an application that waits for so many pieces first."""
    requests: list[list[bytes]] = []
    is_there = asyncio.Event()

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        if awaited > 1:
            await is_there.wait()
        requests.append([])
        more = True
        while more:
            message = await receive()
            requests[-1].append(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def run() -> None:
        config, state = Config(app, lifespan="off", access_log=False, log_config=None), ServerState()
        config.load()

        def made() -> Connection:
            connection = Watched(config, state, {})
            connection.came, connection.awaited, connection.is_there = came, awaited, is_there
            return connection

        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            await client(reader, writer)
            writer.close()
            await writer.wait_closed()
            await asyncio.gather(*state.tasks)

    asyncio.run(run())
    return requests


async def _posted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, head: bytes, body: bytes, times: int) -> None:
    for _ in range(times):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n" + body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(2) == b"ok"


def test_a_piece_of_a_body_is_handed_over_uncopied() -> None:
    """The event loop makes the copies, while nobody else is answered: of 1.6 GB for 0.2 s."""
    came: list[bytes] = []
    client = functools.partial(_posted, head=b"content-length: 262144\r\n", body=PIECE, times=1)
    (found,) = bodies(client, came)
    assert b"".join(found) == PIECE
    # What the parser gives is more than the mark at which reading stops, unless it is the end.
    assert any(message is piece for message in found for piece in came)


def test_pieces_that_come_before_they_are_asked_for_are_one_message() -> None:
    """A client may send chunks of a byte: they are put together as they come, in their order."""
    came: list[bytes] = []
    text = bytes(range(1, 201))
    chunks = b"".join(b"1\r\n%b\r\n" % text[i : i + 1] for i in range(len(text))) + b"0\r\n\r\n"
    client = functools.partial(_posted, head=b"transfer-encoding: chunked\r\n", body=chunks, times=1)
    (found,) = bodies(client, came, awaited=len(text))
    assert found == [text]


def test_a_connection_serves_one_body_after_the_other() -> None:
    """What was held for one request is not in the next."""
    client = functools.partial(_posted, head=b"content-length: 5\r\n", body=b"hello", times=3)
    assert bodies(client, []) == [[b"hello"]] * 3


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    """`curl` does so with a long body."""

    async def asks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(b"hello")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")

    assert b"".join(*bodies(asks, [])) == b"hello"
