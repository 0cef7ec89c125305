"""Rows in CSV (RFC 4180, UTF-8, with a header), streamed: memory does not grow with the body.

A column's type, unless it is known before, is fixed by its first block, missing cells aside: numbers if all its cells are,
else booleans, else text: where a data set or a model says what a column is, a postcode 01 is text, and stays it.
pyarrow cuts the cells, and they come as bytes; what they mean is decided here, because its own conversions say neither row nor
value, read 0x10 and dates, and take "nan" for a null.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from service.ingest import names, texts
from service.ingest.csv_records import Readable, pieces
from service.ingest.errors import BadCsv, IngestError, NoRows, RaggedRow, WrongType, shown
from service.ingest.names import Array

BLOCK_BYTES = 4 << 20
BLANK_ROWS = 1 << 16  # made at a time: a byte sent is a row

Type = Literal["number", "text", "boolean"]
Types = Mapping[str, Type]  # of the columns whose type is known before their first cell

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

_TRUE = pa.array([text for text, value in BOOLEANS.items() if value])
_FALSE = pa.array([text for text, value in BOOLEANS.items() if not value])
_EMPTY = pa.array([""])
# How other programs write a missing number or boolean. In a column of text all but the first are text.
_MISSING = pa.array(["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "."])
_ARROW: dict[Type, pa.DataType] = {"number": pa.float64(), "text": pa.string(), "boolean": pa.bool_()}
_EXPECTED = {pa.float64(): "a number", pa.bool_(): "true or false"}
_BY_TYPE, _BY_START = "the type of its column", "the start of its column"


def batches(
    stream: Readable,
    block_bytes: int = BLOCK_BYTES,
    max_columns: int | None = None,
    max_rows: int | None = None,
    types: Types | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV, a batch a block: numbers as float64 (correctly rounded), text as string, true and false as bool.

    Missing cells are nulls. "nan" and "inf" are numbers here, and what overflows is inf: to refuse them, by row and column, is
    the solver's reading.

    Args: types: of columns that are known: each is read as its type from its first cell on, text as it is written.
    Raises: NoRows, NoColumns, BadName, TooManyColumns, TooManyRows; BadCsv, RaggedRow, WrongType, TextTooLong,
        RowTextTooLong: with the row; whatever the stream's read raises.
    """
    return names.limited(_batches(stream, block_bytes, max_columns, types or {}), max_rows)


def _batches(stream: Readable, block_bytes: int, max_columns: int | None, known: Types) -> Iterator[pa.RecordBatch]:
    header: tuple[str, ...] | None = None
    types: list[pa.DataType] = []
    first_row, n_blank = 0, 0
    for cut in pieces(stream, block_bytes):
        if header is None:
            piece = cut.lstrip(b"\r\n")
            if not piece:
                continue
            table = _cells(piece, _width(piece), -1)
            header = names.checked(_header(table), max_columns)
            table = table.slice(1)
        else:
            table = _cells(cut, len(header), first_row + n_blank)
        # Blank lines of one column are missing cells once a cell follows, in whichever block; at the end they are nothing.
        n_blank_before, n_rows = n_blank, _n_rows_without_blank_end(table) if len(header) == 1 else table.num_rows
        n_blank = table.num_rows - n_rows + (0 if n_rows else n_blank_before)
        if not n_rows:
            continue
        table, first_row = table.slice(0, n_rows), first_row + n_blank_before
        columns = [_text(cells, first_row, name) for cells, name in zip(table.columns, header, strict=True)]
        types = types or [
            _ARROW[known[name]] if name in known else _type(cells) for cells, name in zip(columns, header, strict=True)
        ]
        yield from _blank(n_blank_before, header, types)
        converted = [
            _converted(*one, first_row, _BY_TYPE if one[2] in known else _BY_START)
            for one in zip(columns, types, header, strict=True)
        ]
        texts.checked(converted, header, first_row)
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


def _n_rows_without_blank_end(table: pa.Table) -> int:
    filled = pc.binary_length(table.column(0)).to_numpy().nonzero()[0]
    return int(filled[-1]) + 1 if len(filled) else 0


def _blank(n_rows: int, header: tuple[str, ...], types: list[Any]) -> Iterator[pa.RecordBatch]:
    for start in range(0, n_rows, BLANK_ROWS):
        yield names.record_batch([pa.nulls(min(BLANK_ROWS, n_rows - start), type_) for type_ in types], header)


def _text(cells: "pa.ChunkedArray[Any]", first_row: int, name: str) -> Array:
    """The cells as text.

    Raises: BadCsv: one is not UTF-8.
    """
    whole: Any = cells.chunk(0) if cells.num_chunks == 1 else pa.concat_arrays(cells.chunks)
    try:
        return whole.cast(pa.string())  # type: ignore[no-any-return]
    except pa.ArrowInvalid:
        row = _first_refused(whole, pa.string())
        raise BadCsv(f"{shown(repr(whole[row].as_py()))} in column {name!r} is not UTF-8", first_row + row) from None


def _type(cells: Array) -> pa.DataType:
    """What the cells of the first block are; if all are missing, numbers."""
    if _numbers(cells) is not None:
        return pa.float64()
    return pa.bool_() if pc.all(pc.or_(_are_booleans(cells), _are_missing(cells))).as_py() else pa.string()


def _converted(cells: Array, to: pa.DataType, name: str, first_row: int, asked_by: str) -> Array:
    """The cells as values of the column's type.

    Raises: WrongType.
    """
    if to == pa.string():
        return _null_where(pc.is_in(cells, _EMPTY), cells)
    if to == pa.float64():
        numbers = _numbers(cells)
        if numbers is not None:
            return numbers
        row = _first_refused(_prepared(cells), to)
    else:
        fits = _are_booleans(cells)
        values = pc.is_in(cells, _TRUE)
        if pc.all(fits).as_py():
            return values
        missing = _are_missing(cells)
        row = pc.index(pc.or_(fits, missing), False).as_py()
        if row < 0:
            return _null_where(missing, values)
    raise WrongType(first_row + row, name, cells[row].as_py(), _EXPECTED[to], asked_by)


def _numbers(cells: Array) -> Array | None:
    """The cells as float64, with nulls for those that are missing; None if one is something else."""
    for prepared in (None, _prepared):  # most need no more than the cast
        try:
            return (prepared(cells) if prepared else cells).cast(pa.float64())
        except pa.ArrowInvalid:
            continue
    return None


def _prepared(cells: Array) -> Array:
    trimmed = pc.ascii_trim_whitespace(cells)
    return _null_where(pc.is_in(trimmed, _MISSING), trimmed)


def _are_missing(cells: Array) -> Array:
    return pc.is_in(pc.ascii_trim_whitespace(cells), _MISSING)


def _null_where(missing: Array, cells: Array) -> Array:
    if not pc.any(missing).as_py():
        return cells
    present: Array = pc.if_else(missing, pa.scalar(None, cells.type), cells)
    return present


def _are_booleans(cells: Array) -> Array:
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
