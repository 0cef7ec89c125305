"""What a Parquet file would take of memory, found out before pyarrow is asked to read it.

A page says in a few bytes how large it unpacks, and a dictionary how many values it has, which pyarrow believes and allocates;
a footer's lists become structs of hundreds of bytes each: a file of a kilobyte could ask for gigabytes. Hence this look at the
footer and at the head of each page, as many as pyarrow will read.
Source: the Apache Parquet format, parquet.thrift.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from service.ingest.errors import BadParquet
from service.ingest.thrift import Cursor, Damaged, numbers, structs

MAGIC = b"PAR1"
TAIL = 8  # bytes: the footer's length, and the magic number
FOOTER_BYTES = 8 << 20
FOOTER_STRUCTS = 250_000  # some six a column of a row group, each up to 800 bytes in pyarrow
HEAD_BYTES, LONG_HEAD_BYTES = 256, 1 << 20  # a head is some 30 bytes, more if it has statistics of long text
HEAD_STRUCTS = 16
BYTE_ARRAY = 6
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
FIELDS = {DATA: (5, 2), DICTIONARY: (7, 2), DATA_V2: (8, 4)}  # of a page's own head, and in that of its encoding
BY_DICTIONARY, DELTA_TEXT = (2, 8), {6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY"}
CODECS: dict[int, Any] = {0: None, 1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
MOST_LOOKED_AT = 8 << 20  # bytes of a dictionary: by default writers end one at one or two MiB
VALUE_BYTES = 16  # of an entry of a dictionary in pyarrow, its text aside
COPIES = 3  # that pyarrow has of texts it keeps, measured
LENGTH = struct.Struct("<I")

File = Any  # pyarrow.NativeFile, of whose read_at the stubs are wrong


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a row group, as the footer has it: pyarrow's own object ends the process if its metadata is missing."""

    number: int
    is_text: bool
    codec: int
    n_values: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Group:
    """A row group."""

    n_rows: int
    columns: tuple[Column, ...]


def groups_of(file: File) -> list[Group]:
    """The row groups. Raises: BadParquet: there is no whole footer, or it is too large."""
    size = file.size()
    tail = file.read_at(TAIL, size - TAIL) if size >= TAIL + len(MAGIC) else b""
    if tail[4:] != MAGIC or file.read_at(len(MAGIC), 0) != MAGIC:
        encrypted = tail[4:] == b"PARE"
        raise BadParquet(
            "it is encrypted" if encrypted else "it is cut off, or no Parquet file: it must begin and end with PAR1"
        )
    (n_footer,) = LENGTH.unpack(tail[:4])
    if n_footer > min(size - TAIL - len(MAGIC), FOOTER_BYTES):
        raise BadParquet(f"its footer would have {n_footer} bytes; the limit is {FOOTER_BYTES}: write larger row groups")
    try:
        footer = Cursor(file.read_at(n_footer, size - TAIL - n_footer), FOOTER_STRUCTS).struct()
    except (IndexError, Damaged):
        raise BadParquet("its footer is damaged, or has too many row groups and columns: write larger row groups") from None
    # Fields 4: row groups; of a group 1: columns, 3: rows; of a column 3: its metadata, and of that what is named.
    return [
        Group(numbers(group, 3)[0], tuple(_column(j, column.get(3), size) for j, column in enumerate(structs(group, 1))))
        for group in structs(footer, 4)
    ]


def _column(number: int, metadata: Any, size: int) -> Column:
    type_, codec, n_values, n_bytes, data, dictionary = numbers(metadata, 1, 4, 5, 7, 9, 11)
    if min(type_, codec, n_values, n_bytes, data) < 0:
        raise BadParquet("its footer is damaged")
    start = dictionary if 0 < dictionary < data else data
    return Column(number, type_ == BYTE_ARRAY, codec, n_values, start, min(start + n_bytes, size))


def check_group(file: File, group: Group, most_bytes: int, kept: Collection[int] = ()) -> int:
    """How many bytes of text a row of the row group may have in all its columns, by the averages of pages.

    Args: most_bytes: what it may take at once; kept: the columns of which pyarrow keeps each text that it meets until the row
        group ends. Raises: BadParquet: it is damaged, or takes more.
    """
    held = row_text = 0
    for column in group.columns:
        found = _pages(file, column)
        held += found.largest + found.dictionary + (COPIES * found.plain if column.number in kept else 0)
        row_text += found.row_text if column.is_text else 0
        if held > most_bytes:
            raise BadParquet(f"a row group takes more than {most_bytes} bytes at once: write smaller pages or row groups")
    return row_text


@dataclass(slots=True)
class Pages:
    """What the pages of a column of a row group take in memory, in bytes."""

    dictionary: int = 0
    largest: int = 0  # of its pages, unpacked
    plain: int = 0  # all pages that do not refer to the dictionary
    row_text: int = 0  # of the longest text of the dictionary, or on average in the page of the longest ones


def _pages(file: File, column: Column) -> Pages:
    found, n_seen, at = Pages(), 0, column.start
    while n_seen < column.n_values and at < column.stop:
        n_head, head = _head(file, at, column.stop)
        kind, unpacked, packed = numbers(head, 1, 2, 3)
        field, encoding_field = FIELDS.get(kind, (-1, -1))
        n_values, encoding = numbers(head.get(field), 1, encoding_field)
        start, at = at + n_head, at + n_head + packed
        if field < 0 and packed >= 0:
            continue  # as pyarrow does
        if min(unpacked, packed, n_values) < 0 or at > column.stop:
            raise BadParquet(f"a page of column {column.number} is damaged or cut off")
        if kind == DICTIONARY:
            found.dictionary += unpacked + VALUE_BYTES * n_values
            if column.is_text:
                found.row_text = max(found.row_text, _longest(file.read_at(packed, start), unpacked, column.codec))
            continue
        if encoding in DELTA_TEXT:  # says how many lengths it has inside, compressed, which pyarrow believes
            raise BadParquet(f"column {column.number} is encoded as {DELTA_TEXT[encoding]}: write it plain or by dictionary")
        n_seen += n_values
        found.largest = max(found.largest, unpacked)
        if encoding not in BY_DICTIONARY:
            found.plain += unpacked
            found.row_text = max(found.row_text, unpacked // max(n_values, 1))
    return found


def _longest(packed: bytes, unpacked: int, codec: int) -> int:
    """How long the longest text of a dictionary is at most."""
    if unpacked > MOST_LOOKED_AT or codec not in CODECS:
        return unpacked
    name = CODECS[codec]
    try:
        page = packed if name is None else pa.Codec(name).decompress(packed, unpacked, asbytes=True)
    except (pa.ArrowException, OSError):  # pyarrow will say so
        return unpacked
    longest = at = 0
    while at + LENGTH.size <= len(page):
        (length,) = LENGTH.unpack_from(page, at)
        longest = max(longest, length)
        at += LENGTH.size + length
    return min(longest, unpacked)


def _head(file: File, at: int, end: int) -> tuple[int, dict[int, Any]]:
    """The bytes that a page's head takes, and what it says."""
    for size in (HEAD_BYTES, LONG_HEAD_BYTES):
        cursor = Cursor(file.read_at(min(size, end - at), at), HEAD_STRUCTS)
        try:
            head = cursor.struct()
        except IndexError:
            continue
        except Damaged:
            break
        return cursor.at, head
    raise BadParquet("the head of a page is damaged")
