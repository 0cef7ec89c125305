"""Cuts CSV into pieces of whole records.

pyarrow's own streaming reader would do it, but it reads ahead up to 32 blocks, on a pool of eight threads that all readers
share: eight slow uploads would stop every other. Cut here, in the thread of the upload, memory is a block or two.
"""

import re
from array import array
from collections.abc import Iterator
from typing import Protocol

from service.ingest.errors import BadCsv

# A quoted field as pyarrow reads one: a quote opens it at a field's start alone, a doubled quote is a quote, and it ends at the
# next single one, or (group 1 empty) not at all. Possessive, so that a long field needs no stack; and the quote stands before
# what must not precede it, because re is ten times as fast at finding a literal.
_QUOTED = re.compile(rb'"(?<![^,\r\n]")[^"]*+(?:""[^"]*+)*+("|\Z)')


class Readable(Protocol):
    """Something to read bytes from; read answers b"" at the end, and may answer fewer bytes than asked for."""

    def read(self, size: int, /) -> bytes | None: ...


def pieces(stream: Readable, block_bytes: int) -> Iterator[memoryview]:
    """The bytes of the stream in pieces of about `block_bytes`, each ending where a record does.

    Raises: BadCsv: a record, or a quoted field that nothing closes, is longer than a block; or the end is inside quotes.
    """
    carried = b""
    while parts := taken(stream, block_bytes):
        # The one copy that is made: of bytes, so that Python lets other threads run meanwhile.
        held = b"".join([carried, *parts])
        end = last_record_end(held)
        if not end and len(held) >= 2 * block_bytes:
            raise BadCsv(f"a row, or a quoted field that is never closed, is longer than {block_bytes} bytes")
        if end:
            yield memoryview(held)[:end]
        carried = held[end:]
    if any(not quoted[1] for quoted in _QUOTED.finditer(carried)):
        raise BadCsv("a quoted field is never closed")
    if carried:
        yield memoryview(carried)


def last_record_end(held: bytes) -> int:
    """How many bytes of whole records there are, the line's end included; 0 if not one is whole."""
    # Pairs of numbers, and not of objects: a block may have a million quoted fields.
    outside, end = array("q"), 0
    # re looks through 4 MB in 2 ms, in which no other thread runs; `in` in 40 us.
    for quoted in _QUOTED.finditer(held) if b'"' in held else ():
        outside.extend((end, quoted.start()))
        end = quoted.end()
    outside.extend((end, len(held)))
    for i in range(len(outside) - 2, -1, -2):
        start, stop = outside[i : i + 2]
        at = held.rfind(b"\n", start, stop)
        if at < 0:
            # A bare \r ends a line too, unless it is the last byte: the \n may be yet to come.
            at = held.rfind(b"\r", start, min(stop, len(held) - 1))
        if at >= 0:
            return at + 1
    return 0


def filled(stream: Readable, n_bytes: int) -> bytes:
    """As many bytes as asked for, fewer only at the end of the stream."""
    return b"".join(taken(stream, n_bytes))


def taken(stream: Readable, n_bytes: int) -> list[bytes]:
    """As many bytes, in the parts in which they come."""
    parts, size = [], 0
    while size < n_bytes and (part := stream.read(n_bytes - size)):
        parts.append(part)
        size += len(part)
    return parts
