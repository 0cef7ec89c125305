"""Rows in CSV (RFC 4180, UTF-8, with a header), streamed: memory does not grow with the body.

A column's type is fixed by its first block: numbers if all its cells are, else booleans, else text. pyarrow cuts the cells,
and they come as bytes; what they mean is decided here, because its own conversions say neither row nor value, read 0x10 and
dates, and take NA and empty cells for nulls.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from service.ingest import names
from service.ingest.csv_records import Readable, pieces
from service.ingest.errors import BadCsv, IngestError, MissingValue, NoRows, RaggedRow, WrongType, shown
from service.ingest.names import Array

BLOCK_BYTES = 4 << 20

_TRUE = pa.array(["true", "True", "TRUE"])
_FALSE = pa.array(["false", "False", "FALSE"])
# How other programs write a missing number. In a column of text they are text.
_MISSING = pa.array(["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "."])
_EXPECTED = {pa.float64(): "a number", pa.bool_(): "true or false"}


def batches(
    stream: Readable, block_bytes: int = BLOCK_BYTES, max_columns: int | None = None, max_rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV, a batch a block: numbers as float64 (correctly rounded), text as string, true and false as bool.

    "nan" and "inf" are numbers here, and what overflows is inf: to refuse them, by row and column, is the solver's reading.

    Raises: NoRows, NoColumns, BadName, TooManyColumns, TooManyRows; BadCsv, RaggedRow, MissingValue, WrongType: with the row;
        whatever the stream's read raises.
    """
    return names.limited(_batches(stream, block_bytes, max_columns), max_rows)


def _batches(stream: Readable, block_bytes: int, max_columns: int | None) -> Iterator[pa.RecordBatch]:
    header: tuple[str, ...] | None = None
    types: list[pa.DataType] = []
    first_row, blank_at = 0, None
    for cut in pieces(stream, block_bytes):
        if header is None:
            piece = cut.lstrip(b"\r\n")
            if not piece:
                continue
            table = _cells(piece, _width(piece), -1)
            header = names.checked(_header(table), max_columns)
            table = table.slice(1)
        else:
            table = _cells(cut, len(header), first_row)
        if len(header) == 1:
            table, first_row, blank_at = _without_blank_end(table, first_row, blank_at, header[0])
        if not table.num_rows:
            continue
        columns = [_text(cells, first_row, name) for cells, name in zip(table.columns, header, strict=True)]
        types = types or [_type(cells, first_row, name) for cells, name in zip(columns, header, strict=True)]
        converted = [_converted(*one, first_row) for one in zip(columns, types, header, strict=True)]
        first_row += table.num_rows
        yield names.record_batch(converted, header)
    if header is None:
        raise NoRows


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


def _cells(piece: bytes, width: int, first_row: int) -> pa.Table:
    """The cells of whole records, as bytes."""
    wrong: list[IngestError] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> Literal["error"]:
        # pyarrow counts from 1, blank lines left out
        at = first_row + (row.number or 1) - 1
        wrong.append(RaggedRow(at, row.expected_columns, row.actual_columns) if at >= 0 else BadCsv("the header is ragged"))
        return "error"

    called = [str(j) for j in range(width)]
    try:
        return pyarrow.csv.read_csv(
            io.BytesIO(piece),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=min(len(piece) + 1, 2**31 - 1), column_names=called
            ),
            # A blank line is no row, but in one column it may be a cell that is missing.
            parse_options=pyarrow.csv.ParseOptions(
                newlines_in_values=True, ignore_empty_lines=width > 1, invalid_row_handler=refuse
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(called, pa.binary()), null_values=[], strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        raise (wrong[0] if wrong else BadCsv(str(error), max(first_row, 0))) from None


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


def _without_blank_end(table: pa.Table, first_row: int, blank_at: int | None, name: str) -> tuple[pa.Table, int, int | None]:
    """The one column without the blank lines at its end, which are no cells unless a cell follows.

    Raises: MissingValue: one does; `blank_at` is the first blank line's row in the pieces before.
    """
    lengths = pc.binary_length(table.column(0)).to_numpy()
    filled = lengths.nonzero()[0]
    if not len(filled):
        return table.slice(0, 0), first_row, first_row if blank_at is None and len(lengths) else blank_at
    if blank_at is not None:
        raise MissingValue(blank_at, name)
    n_rows = int(filled[-1]) + 1
    blank_at = first_row + n_rows if n_rows < len(lengths) else None
    return table.slice(0, n_rows), first_row, blank_at


def _text(cells: "pa.ChunkedArray[Any]", first_row: int, name: str) -> Array:
    """The cells as text.

    Raises: BadCsv: one is not UTF-8; MissingValue: one is empty.
    """
    whole: Any = cells.chunk(0) if cells.num_chunks == 1 else pa.concat_arrays(cells.chunks)
    try:
        text: pa.StringArray = whole.cast(pa.string())
    except pa.ArrowInvalid:
        row = _first_refused(whole, pa.string())
        raise BadCsv(f"{shown(repr(whole[row].as_py()))} in column {name!r} is not UTF-8", first_row + row) from None
    empty = pc.index(pc.binary_length(text), 0).as_py()
    if empty >= 0:
        raise MissingValue(first_row + empty, name)
    return text


def _type(cells: Array, first_row: int, name: str) -> pa.DataType:
    """What the cells of the first block are.

    Raises: MissingValue: all are numbers, but for some that say they are missing.
    """
    if _numbers(cells) is not None:
        return pa.float64()
    if pc.all(_booleans(cells)).as_py():
        return pa.bool_()
    missing = pc.is_in(cells, _MISSING)
    at = pc.index(missing, True).as_py()
    rest = cells.filter(pc.invert(missing))
    if at >= 0 and len(rest) and _numbers(rest) is not None:
        raise MissingValue(first_row + at, name)
    return pa.string()


def _converted(cells: Array, to: pa.DataType, name: str, first_row: int) -> Array:
    """The cells as values of the column's type.

    Raises: WrongType, MissingValue.
    """
    if to == pa.string():
        return cells
    if to == pa.float64():
        numbers = _numbers(cells)
        if numbers is not None:
            return numbers
        row = _first_refused(pc.ascii_trim_whitespace(cells), to)
    else:
        fits = _booleans(cells)
        row = pc.index(fits, False).as_py()
        if row < 0:
            return pc.is_in(cells, _TRUE)
    value = cells[row].as_py()
    if value.strip() in _MISSING.to_pylist():
        raise MissingValue(first_row + row, name)
    raise WrongType(first_row + row, name, value, _EXPECTED[to])


def _numbers(cells: Array) -> Array | None:
    for prepared in (None, pc.ascii_trim_whitespace):
        try:
            return (prepared(cells) if prepared else cells).cast(pa.float64())
        except pa.ArrowInvalid:
            continue
    return None


def _booleans(cells: Array) -> Array:
    return pc.or_(pc.is_in(cells, _TRUE), pc.is_in(cells, _FALSE))


def _first_refused(cells: Array, to: pa.DataType) -> int:
    """The place of the first cell that cannot be cast, by halving: pyarrow does not say."""
    low, high = 0, len(cells)  # the first lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            cells.slice(low, middle - low).cast(to)
        except pa.ArrowInvalid:
            high = middle
        else:
            low = middle
    return low
