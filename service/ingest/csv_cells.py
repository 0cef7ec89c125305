"""The cells of a CSV: cut by pyarrow, and what they mean.

Mostly pyarrow reads numbers where they stand, `typed`, four times as fast as by way of cells. What it will not read so goes by
cells, which come as bytes: its own conversions say neither row nor value, and null is more than it knows. Both ways read a number
by the same function of Arrow's (fast_float), the first takes nothing that the second refuses, and what is missing is null in both.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from service.ingest import times
from service.ingest.errors import BadCsv, IngestError, RaggedRow, WrongType, shown
from service.ingest.names import Array

BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# How other programs write a missing number or boolean. In a column of text all but the first are text.
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", ".")

_TRUE = pa.array([text for text, value in BOOLEANS.items() if value])
_FALSE = pa.array([text for text, value in BOOLEANS.items() if not value])
_EMPTY = pa.array([""])
_MISSING = pa.array(MISSING)
_EXPECTED = {pa.float64(): "a number", pa.bool_(): "true or false", times.TIMESTAMP: times.EXPECTED}


def typed(piece: memoryview, types: Sequence[pa.DataType]) -> pa.Table | None:
    """The cells of whole records, numbers as float64 and all else as text; None if that is not what they all are.

    Not of a single column: a blank line in it is missing only if a cell follows, and null is not said to be blank.
    """
    if len(types) < 2:
        return None
    try:
        return _read(piece, [type_ if type_ == pa.float64() else pa.string() for type_ in types], MISSING)
    except pa.ArrowException:
        return None


def cells(piece: bytes | memoryview, width: int, first_row: int) -> pa.Table:
    """The cells of whole records, as bytes.

    Raises: BadCsv, RaggedRow.
    """
    wrong: list[IngestError] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> Literal["error"]:
        # pyarrow counts from 1, blank lines left out
        at = first_row + (row.number or 1) - 1
        wrong.append(RaggedRow(at, row.expected_columns, row.actual_columns) if at >= 0 else BadCsv("the header is ragged"))
        return "error"

    try:
        return _read(piece, [pa.binary()] * width, (), refuse)
    except pa.ArrowException as error:
        raise (wrong[0] if wrong else BadCsv(str(error), max(first_row, 0))) from None


def _read(piece: bytes | memoryview, types: Sequence[pa.DataType], missing: Iterable[str], refuse: Any = None) -> pa.Table:
    called = [str(j) for j in range(len(types))]
    where_it_lies: Any = pa.BufferReader(piece)  # which the stubs do not know to be a file
    return pyarrow.csv.read_csv(
        where_it_lies,
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=min(len(piece) + 1, 2**31 - 1), column_names=called
        ),
        # A blank line is no row, but in one column it may be a cell that is missing.
        parse_options=pyarrow.csv.ParseOptions(
            newlines_in_values=True, ignore_empty_lines=len(types) > 1, invalid_row_handler=refuse
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(called, types, strict=True)), null_values=list(missing), strings_can_be_null=False
        ),
    )


def whole(cells: "pa.ChunkedArray[Any]", first_row: int, name: str) -> Array:
    """The cells of a column in one array, bytes as text.

    Raises: BadCsv: one is not UTF-8.
    """
    found: Any = cells.chunk(0) if cells.num_chunks == 1 else pa.concat_arrays(cells.chunks)
    if found.type != pa.binary():
        return found  # type: ignore[no-any-return]
    try:
        return found.cast(pa.string())  # type: ignore[no-any-return]
    except pa.ArrowInvalid:
        row = _first_refused(found, pa.string())
        raise BadCsv(f"{shown(repr(found[row].as_py()))} in column {name!r} is not UTF-8", first_row + row) from None


def type_of(cells: Array) -> pa.DataType:
    """What the cells of the first block are; if all are missing, numbers."""
    if _numbers(cells) is not None:
        return pa.float64()
    if pc.all(pc.or_(_are_booleans(cells), _are_missing(cells))).as_py():
        return pa.bool_()
    return pa.string() if _times(cells) is None else times.TIMESTAMP


def converted(cells: Array, to: pa.DataType, name: str, first_row: int, asked_by: str) -> Array:
    """The cells as values of the column's type.

    Raises: WrongType.
    """
    if cells.type == pa.float64():
        return cells
    if to == pa.string():
        return _null_where(pc.is_in(cells, _EMPTY), cells)
    if to == pa.float64():
        numbers = _numbers(cells)
        if numbers is not None:
            return numbers
        row = _first_refused(_prepared(cells), to)
    elif to == times.TIMESTAMP:
        found = _times(cells)
        if found is not None:
            return found
        row = times.first_that_is_none(_prepared(cells))
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


def _times(cells: Array) -> Array | None:
    """The cells as timestamps, with nulls for those that are missing; None if one is something else."""
    return times.of_text(_prepared(cells))


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
