"""Reading bodies: as bytes under a limit, parsed in a thread; and saying in openapi.json what they hold.

A declared FastAPI body would be parsed on the event loop (0.7 s for 21 MB) and would take NaN, "2" and true for numbers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from types import coroutine
from typing import Any, Self, TypeVar

import pyarrow as pa
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message, Receive

from service.api.errors import BodyTimeout, BodyTooLarge, IncompleteBody, UnsupportedEncoding, UnsupportedMediaType
from service.api.problems import Where
from service.api.services import Limits, Services
from service.ingest import encodings, json_rows, names
from service.ingest.csv_records import Readable
from service.ingest.csv_rows import Types
from service.ingest.errors import BadName, NoColumns, NoRows, UnequalColumns
from service.ingest.formats import READERS, Asked
from service.ingest.pipe import Pipe

JSON = "application/json"
TYPES = (JSON, *READERS)

# Bytes of a JSON body that are parsed on the event loop: in at most 60 µs, where a hop to a thread and back takes 75.
SHORT = 4096

AT_ONCE = 1 << 20  # what is shorter is there before a thread is, and needs none while its client is slow

Body = TypeVar("Body", bound=json_rows.Strict)
Made = TypeVar("Made")
Batches = Iterator[pa.RecordBatch]
Readers = Callable[[Readable], Batches]

SCHEMAS: dict[str, type[BaseModel]] = {}  # what openapi.json must define because a body refers to it


def header(request: Request, name: bytes) -> str:
    """The first header of this name, in small letters; "" if there is none. Starlette's own look-up takes five times as long."""
    for sent, value in request.scope["headers"]:
        if sent == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def content_type(request: Request, supported: tuple[str, ...]) -> str:
    """The body's type, which must be one of these. Raises: UnsupportedMediaType."""
    type_ = header(request, b"content-type").split(";")[0].strip().lower()
    if type_ not in supported:
        raise UnsupportedMediaType(type_, supported)
    return type_


def content_encoding(request: Request) -> str | None:
    """How the body is packed, if it is. Raises: UnsupportedEncoding."""
    if not header(request, b"content-encoding"):
        return None
    sent = ", ".join(request.headers.getlist("content-encoding")).strip().lower()
    encoding = "gzip" if sent == "x-gzip" else sent
    if encoding not in {"", "identity", *encodings.MEMBERS}:
        raise UnsupportedEncoding(sent, tuple(encodings.MEMBERS))
    return encoding if encoding in encodings.MEMBERS else None


class Pieces:
    """The body piece by piece: an iterator and no generator, which for a body that is all there takes longer than the rest.

    Raises: BodyTooLarge: at once if the body says so itself; BodyTimeout; IncompleteBody.
    """

    def __init__(self, request: Request, limit: int, idle_s: float) -> None:
        declared = header(request, b"content-length")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(limit)
        self._receive, self._limit, self._idle_s = request.receive, limit, idle_s
        self._n_read, self.is_over = 0, False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self.is_over:
            message = await received(self._receive, self._idle_s)
            if message["type"] == "http.disconnect":
                raise IncompleteBody
            piece: bytes = message.get("body", b"")
            self.is_over = not message.get("more_body", False)
            self._n_read += len(piece)
            if self._n_read > self._limit:
                raise BodyTooLarge(self._limit)
            if piece:
                return piece
        raise StopAsyncIteration


async def received(receive: Receive, within_s: float) -> Message:
    """The next message. A clock runs only if it is not there yet: to set one takes 3 µs. Raises: BodyTimeout."""
    steps = receive().__await__()
    try:
        waits_for = next(steps)
    except StopIteration as there:
        message: Message = there.value
        return message
    try:
        async with asyncio.timeout(within_s):
            return await _resumed(steps, waits_for)
    except TimeoutError:
        raise BodyTimeout(within_s) from None


@coroutine
def _resumed(steps: Generator[Any, Any, Message], waits_for: Any) -> Generator[Any, Any, Message]:
    """The rest of what was begun and waits for a future, which the loop must still be given."""
    try:
        yield waits_for
        return (yield from steps)
    finally:
        steps.close()


async def parsed(text: bytes, model: type[Body]) -> Body:
    """A JSON body as the model has it, a long one parsed in a thread. Raises: NotJson, InvalidFields."""
    return json_rows.parse(model, text) if len(text) <= SHORT else await asyncio.to_thread(json_rows.parse, model, text)


async def parsed_as_it_comes(threads: Executor, body: AsyncIterator[bytes], model: type[Body]) -> Body:
    """As `parsed`, but of a body longer than AT_ONCE in one of these threads and while it arrives: both take as long.

    Raises: NotJson, InvalidFields; as the body.
    """
    held, size = [], 0
    async for piece in body:
        held.append(piece)
        size += len(piece)
        if size > AT_ONCE:
            return await streamed(threads, _chained(held, body), lambda stream: json_rows.parse(model, stream))
    return await parsed(b"".join(held), model)


async def _chained(held: list[bytes], body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b"".join(held)
    async for piece in body:
        yield piece


def unpacked(request: Request, body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Its body as it is once it is unpacked, in threads.

    Raises: UnsupportedEncoding: at once; BadEncoding; TooLong: it is more than the limit; as the body.
    """
    encoding = content_encoding(request)
    return body if encoding is None else _unpacked(encodings.Unpacker(encoding, limit), body)


async def _unpacked(unpacker: encodings.Unpacker, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in body:
        parts = unpacker.unpacked(piece)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part
    unpacker.end()


async def read(request: Request, limits: Limits) -> bytes:
    """The whole of a body that is not streamed. Raises: as `Pieces` and `unpacked`."""
    body = Pieces(request, limits.max_json_bytes, limits.body_idle_s)
    first = await anext(body, b"")
    if body.is_over and not header(request, b"content-encoding"):
        return first
    return await joined(unpacked(request, _chained([first], body), limits.max_json_bytes))


async def joined(body: AsyncIterator[bytes]) -> bytes:
    """All the pieces as one."""
    return b"".join([piece async for piece in body])


async def streamed(threads: Executor, body: AsyncIterator[bytes], use: Callable[[Readable], Made]) -> Made:
    """What `use` makes, in one of these threads, of the body while it arrives. Raises: as both."""
    pipe = Pipe()

    def work() -> Made:
        with pipe.reader as stream:
            return use(stream)

    working = asyncio.get_running_loop().run_in_executor(threads, work)
    try:
        async with pipe:
            async for piece in body:
                await pipe.write(piece)
    except BrokenPipeError:
        pass  # the thread is done with it; what it says comes below
    except BaseException:
        await asyncio.gather(working, return_exceptions=True)
        raise
    return await working


def row_reader(request: Request, use: Services, max_rows: int, types: Types | None = None) -> Readers:
    """The reader of its body, which is not JSON.

    Args: types: of columns that are known, in their order: where a format does not say what a column is, or is called.
    """
    asked = replace(within_limits(use, max_rows), content_type=request.headers["content-type"], types=types)
    reader = READERS[content_type(request, tuple(READERS))]
    return lambda stream: reader(stream, asked)


def within_limits(use: Services, max_rows: int) -> Asked:
    """What a reader is to know of this service."""
    limits = use.limits
    return Asked(folder=use.folder, max_bytes=limits.max_body_bytes, max_columns=limits.max_columns, max_rows=max_rows)


def cell_pointer(
    columns: Mapping[str, Sequence[Any]] | None,
    X: Sequence[Sequence[float | None]] | None,
    feature_names: Sequence[str] | None,
    target: str | None = None,
) -> Where:
    """Where in a JSON body of rows the place is that an error speaks of."""

    def in_columns(error: Exception) -> str:
        row, column = getattr(error, "row", None), _column_of(error)
        if column is None or column not in (columns or ()):
            return "/columns"
        return f"/columns/{_escaped(column)}" + ("" if row is None else f"/{row}")

    def in_matrix(error: Exception) -> str:
        row, column = getattr(error, "row", None), _column_of(error)
        if row is None:
            return "/y" if isinstance(error, UnequalColumns) else "/X" if isinstance(error, (NoRows, NoColumns)) else ""
        if column == (target or "y"):
            return f"/y/{row}"
        called = list(feature_names or (names.feature_names(len(X[0])) if X is not None and len(X) else ()))
        return f"/X/{row}" + ("" if column is None or column not in called else f"/{called.index(column)}")

    return in_matrix if columns is None else in_columns


def _column_of(error: Exception) -> str | None:
    column: str | None = getattr(error, "name" if isinstance(error, BadName) else "column", None)
    return column


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def json_body(model: type[BaseModel], *others: str, example: dict[str, Any]) -> dict[str, Any]:
    """openapi.json's account of a body: JSON of this model, or other types as they are."""
    SCHEMAS[model.__name__] = model
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content: dict[str, Any] = {JSON: {"schema": schema, "example": example}}
    content |= {type_: {"schema": {"type": "string", "format": "binary"}} for type_ in others}
    encoding = {"type": "string", "enum": [*encodings.MEMBERS]}
    header = {"name": "Content-Encoding", "in": "header", "description": "how the body is packed", "schema": encoding}
    return {"requestBody": {"required": True, "content": content}, "parameters": [header]}
