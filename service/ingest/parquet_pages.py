"""What a Parquet file would take of memory, found out before pyarrow is asked to read it.

A page says in a few bytes how large it unpacks, and a dictionary how many values it has, which pyarrow believes and allocates;
a footer's lists become structs of hundreds of bytes each: a file of a kilobyte could ask for gigabytes. Hence this look at the
footer and at the head of each page, as many as pyarrow will read.
Source: the Apache Parquet format, parquet.thrift.
"""

import struct
from typing import Any

from service.ingest.errors import BadParquet
from service.ingest.thrift import Cursor, Damaged

MAGIC = b"PAR1"
TAIL = 8  # bytes: the footer's length, and the magic number
FOOTER_BYTES = 8 << 20
FOOTER_STRUCTS = 250_000  # some six a column of a row group, each up to 800 bytes in pyarrow
HEAD_BYTES, LONG_HEAD_BYTES = 256, 1 << 20  # a head is some 30 bytes, more if it has statistics of long text
HEAD_STRUCTS = 16
DATA, DICTIONARY, DATA_V2 = 0, 2, 3
FIELDS = {DATA: 5, DICTIONARY: 7, DATA_V2: 8}
ENCODING_FIELDS = {DATA: 2, DICTIONARY: 2, DATA_V2: 4}
DELTA_TEXT = {6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY"}
VALUE_BYTES = 16  # of an entry of a dictionary in pyarrow, its text aside


File = Any  # pyarrow.NativeFile, of whose read_at the stubs are wrong


def check_footer(file: File) -> None:
    """Raises: BadParquet: there is no whole footer, or it is too large."""
    size = file.size()
    tail = file.read_at(TAIL, size - TAIL) if size >= TAIL + len(MAGIC) else b""
    if tail[4:] != MAGIC or file.read_at(len(MAGIC), 0) != MAGIC:
        encrypted = tail[4:] == b"PARE"
        raise BadParquet(
            "it is encrypted" if encrypted else "it is cut off, or no Parquet file: it must begin and end with PAR1"
        )
    (n_footer,) = struct.unpack("<I", tail[:4])
    if n_footer > min(size - TAIL - len(MAGIC), FOOTER_BYTES):
        raise BadParquet(f"its footer would have {n_footer} bytes; the limit is {FOOTER_BYTES}: write larger row groups")
    try:
        Cursor(file.read_at(n_footer, size - TAIL - n_footer), FOOTER_STRUCTS).struct()
    except (IndexError, Damaged):
        raise BadParquet("its footer is damaged, or has too many row groups and columns: write larger row groups") from None


def check_group(file: File, group: Any, most_bytes: int) -> float:
    """How many bytes of text a row of the row group has at most in all columns, by the averages of pages.

    Args: group: pyarrow's RowGroupMetaData; most_bytes: what the largest pages of its columns may take, unpacked, with their
        dictionaries. Raises: BadParquet: it is damaged, or takes more.
    """
    held, row_text = 0, 0.0
    for j in range(group.num_columns):
        chunk = group.column(j)
        largest, densest = _chunk(file, chunk)
        held += largest
        row_text += densest if chunk.physical_type == "BYTE_ARRAY" else 0
        if held > most_bytes:
            raise BadParquet(f"the pages of a row group unpack to more than {most_bytes} bytes at once: write smaller pages")
    return row_text


def _chunk(file: File, chunk: Any) -> tuple[int, float]:
    """How many bytes a column's largest page takes with the dictionary, and the most bytes a value of its pages has."""
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = min(at + chunk.total_compressed_size, file.size())
    n_seen = dictionary = largest = 0
    densest = 0.0
    while n_seen < chunk.num_values and at < end:
        n_head, head = _head(file, at, end)
        kind, unpacked, packed = head.get(1, -1), head.get(2, -1), head.get(3, -1)
        own: dict[int, int] = head.get(FIELDS.get(kind, -1)) or {}  # other pages are passed over, by pyarrow too
        n_values, encoding = own.get(1, 0), own.get(ENCODING_FIELDS.get(kind, -1), 0)
        at += n_head + packed
        if min(unpacked, packed, n_values) < 0 or at > end:
            raise BadParquet(f"a page of column {chunk.path_in_schema!r} is damaged or cut off")
        if kind == DICTIONARY:
            dictionary += unpacked + VALUE_BYTES * n_values
            continue
        if encoding in DELTA_TEXT:  # says how many lengths it has inside, compressed, which pyarrow believes
            raise BadParquet(
                f"column {chunk.path_in_schema!r} is encoded as {DELTA_TEXT[encoding]}: write it plain or by dictionary"
            )
        n_seen += n_values
        largest, densest = max(largest, unpacked), max(densest, unpacked / max(n_values, 1))
    return dictionary + largest, densest


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
