"""Rows in CSV (RFC 4180, UTF-8, with a header), streamed: memory does not grow with the body.

A column's type, unless it is known before, is fixed by its first block, missing cells aside: numbers if all its cells are,
else booleans, else timestamps, else text: where a data set or a model says what a column is, a postcode 01 is text, and stays it.
Blocks are read ahead, in the threads of the process, and put together in their order.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from service.ingest import csv_cells, names, texts, times
from service.ingest.ahead import ahead
from service.ingest.csv_records import Readable, pieces
from service.ingest.errors import BadCsv, NoRows

BLOCK_BYTES = 4 << 20
BLANK_ROWS = 1 << 16  # made at a time: a byte sent is a row

Type = Literal["number", "text", "boolean", "timestamp"]
Types = Mapping[str, Type]  # of the columns whose type is known before their first cell

_ARROW: dict[Type, pa.DataType] = {
    "number": pa.float64(), "text": pa.string(), "boolean": pa.bool_(), "timestamp": times.TIMESTAMP,
}  # fmt: skip
_BY_TYPE, _BY_START = "the type of its column", "the start of its column"


def batches(
    stream: Readable,
    block_bytes: int = BLOCK_BYTES,
    max_columns: int | None = None,
    max_rows: int | None = None,
    types: Types | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV, a batch a block: numbers as float64 (correctly rounded), text as string, true and false as bool,
    dates and times as timestamps.

    Missing cells are nulls. "nan" and "inf" are numbers here, and what overflows is inf: to refuse them, by row and column, is
    the solver's reading.

    Args: types: of columns that are known: each is read as its type from its first cell on, text as it is written.
    Raises: NoRows, NoColumns, BadName, TooManyColumns, TooManyRows; BadCsv, RaggedRow, WrongType, TextTooLong,
        RowTextTooLong: with the row; whatever the stream's read raises.
    """
    return names.limited(_batches(stream, block_bytes, max_columns, types or {}), max_rows)


def _batches(stream: Readable, block_bytes: int, max_columns: int | None, known: Types) -> Iterator[pa.RecordBatch]:
    cuts = pieces(stream, block_bytes)
    first = next((left for cut in cuts if (left := bytes(cut).lstrip(b"\r\n"))), None)
    if first is None:
        raise NoRows
    table = csv_cells.cells(first, _width(first), -1)
    header = names.checked(_header(table), max_columns)
    types: list[pa.DataType] = []
    first_row, n_blank = 0, 0

    def typed(cut: memoryview) -> pa.Table | None:
        return csv_cells.typed(cut, types)

    for piece, found in chain([(memoryview(first), table.slice(1))], ahead(typed, cuts)):
        table = csv_cells.cells(piece, len(header), first_row + n_blank) if found is None else found
        # Blank lines of one column are missing cells once a cell follows, in whichever block; at the end they are nothing.
        n_blank_before, n_rows = n_blank, _n_rows_without_blank_end(table) if len(header) == 1 else table.num_rows
        n_blank = table.num_rows - n_rows + (0 if n_rows else n_blank_before)
        if not n_rows:
            continue
        table, first_row = table.slice(0, n_rows), first_row + n_blank_before
        columns = [csv_cells.whole(cells, first_row, name) for cells, name in zip(table.columns, header, strict=True)]
        types = types or [
            _ARROW[known[name]] if name in known else csv_cells.type_of(cells)
            for cells, name in zip(columns, header, strict=True)
        ]
        yield from _blank(n_blank_before, header, types)
        converted = [
            csv_cells.converted(*one, first_row, _BY_TYPE if one[2] in known else _BY_START)
            for one in zip(columns, types, header, strict=True)
        ]
        texts.checked(converted, header, first_row)
        first_row += table.num_rows
        yield names.record_batch(converted, header)


def _width(piece: bytes) -> int:
    """How many columns the header has."""
    try:
        text = piece.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A character may not be cut at the end: pieces end with whole records.
        text = piece[: error.start].decode("utf-8-sig")
        if not any(end in text for end in "\r\n"):
            raise BadCsv("the header is not UTF-8") from None
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""))))
    except csv.Error as error:
        raise BadCsv(f"the header cannot be read ({error})") from None


def _header(table: pa.Table) -> list[str]:
    try:
        called = [column[0].as_py().decode().strip() for column in table.columns]
    except UnicodeDecodeError:
        raise BadCsv("the header is not UTF-8") from None
    if all(_is_number(name) for name in called):
        raise BadCsv(f"the first line must be a header of column names, not numbers: {','.join(called[:5])}")
    return called


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _n_rows_without_blank_end(table: pa.Table) -> int:
    filled = pc.binary_length(table.column(0)).to_numpy().nonzero()[0]
    return int(filled[-1]) + 1 if len(filled) else 0


def _blank(n_rows: int, header: tuple[str, ...], types: list[Any]) -> Iterator[pa.RecordBatch]:
    for start in range(0, n_rows, BLANK_ROWS):
        yield names.record_batch([pa.nulls(min(BLANK_ROWS, n_rows - start), type_) for type_ in types], header)
