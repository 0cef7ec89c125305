"""The messages of an Arrow IPC stream, each checked for its size before anything is allocated for it.

A compressed buffer says its own length in eight bytes, which pyarrow believes and allocates: a body of a kilobyte could ask for
a terabyte. And pyarrow takes a stream that stops between two messages for a whole one. Hence this reader before its reader.
Source: Arrow columnar format, "Encapsulated message format" and "Compression"; Message.fbs.
"""

import io
import struct
from collections import deque
from typing import Any

from service.ingest.csv_records import Readable, filled
from service.ingest.errors import BadArrow

METADATA_BYTES = 16 << 20
DICTIONARY, RECORD_BATCH = 2, 3


class Messages(io.RawIOBase):
    """A file for pyarrow to read the stream from, which refuses what is too large, cut off or followed by anything.

    `read` raises: BadArrow; whatever the stream's read raises.
    """

    def __init__(self, stream: Readable, batch_bytes: int) -> None:
        super().__init__()
        self.failure: Exception | None = None  # what `read` raised, to be told from pyarrow's own OSErrors
        self._stream, self._batch_bytes = stream, batch_bytes
        self._held: deque[memoryview] = deque()
        self._ended = False
        self._dictionaries: dict[int, int] = {}  # bytes by id

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return bytes(self.read_buffer(size))

    def read_buffer(self, size: int | None = -1, /) -> memoryview:
        """As `read`, for pyarrow, which prefers it: a batch's columns lie where it was received, uncopied."""
        if size is None or size < 0:
            raise io.UnsupportedOperation("read without a size")
        parts = []
        while size:
            if not self._held and not self._ended:
                self._held.extend(self._next())
            if not self._held:
                break
            part = self._held.popleft()
            if len(part) > size:
                self._held.appendleft(part[size:])
                part = part[:size]
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))

    def _next(self) -> list[memoryview]:
        try:
            return [memoryview(part) for part in self._message() if part]
        except Exception as error:
            self.failure = error
            raise

    def _message(self) -> tuple[bytes, bytes]:
        """What is before its body, and that."""
        prefix = filled(self._stream, 4)
        if prefix == b"\xff\xff\xff\xff":  # left out before format 0.15
            prefix += filled(self._stream, 4)
        if len(prefix) not in {4, 8}:
            raise BadArrow("it is cut off" if prefix else "it stops without its end-of-stream marker")
        (n_metadata,) = struct.unpack("<i", prefix[-4:])
        if n_metadata == 0:
            self._ended = True
            if self._stream.read(1):
                raise BadArrow("something follows its end-of-stream marker")
            return prefix, b""
        if not 0 < n_metadata <= METADATA_BYTES:
            raise BadArrow(f"a message's metadata would have {n_metadata} bytes; is this an Arrow IPC stream (not a file)?")
        metadata = self._exactly(n_metadata)
        try:
            message = Table.root(metadata)
            n_body = message.scalar(3, "<q")
            self._within_limit(n_body)
            body = self._exactly(n_body)
            self._check_sizes(message, body)
        except struct.error:
            raise BadArrow("a message's metadata is damaged") from None
        return prefix + metadata, body

    def _check_sizes(self, message: "Table", body: bytes) -> None:
        kind, header = message.scalar(1, "<B"), message.table(2)
        if header is None or kind not in {DICTIONARY, RECORD_BATCH}:
            return
        batch = header.table(1) if kind == DICTIONARY else header
        if batch is None:
            return
        size = _uncompressed(batch, body)
        if kind == DICTIONARY:
            name, is_delta = header.scalar(0, "<q"), header.scalar(2, "<B")
            self._dictionaries[name] = size + (self._dictionaries.get(name, 0) if is_delta else 0)
            size = sum(self._dictionaries.values())
        self._within_limit(size)

    def _within_limit(self, size: int) -> None:
        if not 0 <= size <= self._batch_bytes:
            raise BadArrow(f"a record batch of {size} bytes; the limit is {self._batch_bytes}: send smaller batches")

    def _exactly(self, n_bytes: int) -> bytes:
        read = filled(self._stream, n_bytes)
        if len(read) < n_bytes:
            raise BadArrow("it is cut off")
        return read


def _uncompressed(batch: "Table", body: bytes) -> int:
    """How many bytes a batch's buffers will take."""
    buffers = batch.structs(2, "<qq")
    if batch.table(3) is None:
        return sum(max(length, 0) for _, length in buffers)
    size = 0
    for offset, length in buffers:
        if length:
            if offset < 0 or length < 8:
                raise BadArrow("a compressed buffer is damaged")
            (declared,) = struct.unpack_from("<q", body, offset)
            size += length if declared == -1 else declared
            if declared < -1:
                raise BadArrow("a compressed buffer is damaged")
    return size


class Table:
    """A table of a flatbuffer, by field number. Anything out of bounds is a struct.error; pyarrow checks the rest."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._vtable = at - self._get("<i", at)
        self._n_fields = (self._get("<H", self._vtable) - 4) // 2

    @classmethod
    def root(cls, data: bytes) -> "Table":
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def _get(self, form: str, at: int) -> Any:
        if at < 0:  # Python would count from the end
            raise struct.error
        return struct.unpack_from(form, self._data, at)[0]

    def _field(self, number: int) -> int | None:
        offset = self._get("<H", self._vtable + 4 + 2 * number) if number < self._n_fields else 0
        return self._at + offset if offset else None

    def scalar(self, number: int, form: str) -> int:
        at = self._field(number)
        return 0 if at is None else int(self._get(form, at))

    def table(self, number: int) -> "Table | None":
        at = self._field(number)
        return None if at is None else Table(self._data, at + self._get("<I", at))

    def structs(self, number: int, form: str) -> list[tuple[int, ...]]:
        at = self._field(number)
        if at is None:
            return []
        at += self._get("<I", at)
        stop = at + 4 + self._get("<I", at) * struct.calcsize(form)
        if stop > len(self._data):
            raise struct.error
        return list(struct.iter_unpack(form, self._data[at + 4 : stop]))
