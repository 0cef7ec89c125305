"""What can be wrong with a body: what, where, and what would be right. The API's table of problems alone knows HTTP.

    IngestError
    ├── NotJson, BadCsv, BadArrow, BadParquet, BadNumpy, BadMultipart, BadEncoding     the bytes are not what their type says
    ├── InvalidFields                 a JSON body has the wrong fields, or fields of the wrong type
    ├── RaggedRow, UnequalColumns     the shape
    ├── MissingValue, WrongType, LossyInteger, LossyDecimal, LossyTimestamp, TimestampOutOfRange, TextTooLong    one cell
    ├── RowTextTooLong                one row
    ├── BadName, UnsupportedColumn    one column
    ├── NoRows, NoColumns
    └── TooManyColumns, TooManyRows, TooLong     a limit

Rows are counted from 0, the header left out. Every class hands its arguments to Exception, so that it pickles.
"""

from collections.abc import Mapping, Sequence

SHOWN = 80  # characters of a value that a message repeats


class IngestError(Exception):
    """The body cannot be read as rows."""


class NotJson(IngestError):
    """The body is not JSON."""

    def __init__(self, why: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(why, line, column)
        self.why, self.line, self.column = why, line, column

    def __str__(self) -> str:
        where = f" at line {self.line}, column {self.column}" if self.line is not None else ""
        return f"the body is not JSON: {self.why}{where}"


class InvalidFields(IngestError):
    """Some fields of the body are unknown, missing or of the wrong type."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__(errors)
        self.errors = tuple(errors)  # (JSON pointer, what is wrong there)

    def __str__(self) -> str:
        return "; ".join(f"{pointer or 'the body'}: {message}" for pointer, message in self.errors)


class RaggedRow(IngestError):
    """A row has another number of values than the others."""

    def __init__(self, row: int, expected: int, got: int) -> None:
        super().__init__(row, expected, got)
        self.row, self.expected, self.got = row, expected, got

    def __str__(self) -> str:
        return f"row {self.row} has {self.got} values, expected {self.expected} as in the rows before it"


class UnequalColumns(IngestError):
    """The columns have different lengths."""

    def __init__(self, lengths: Mapping[str, int]) -> None:
        super().__init__(dict(lengths))
        self.lengths = dict(lengths)

    def __str__(self) -> str:
        first, n = next(iter(self.lengths.items()))
        other, m = next((name, length) for name, length in self.lengths.items() if length != n)
        return f"all columns must have the same length, but {first!r} has {n} values and {other!r} has {m}"


class MissingValue(IngestError):
    """A cell that is needed has no value."""

    def __init__(self, row: int, column: str) -> None:
        super().__init__(row, column)
        self.row, self.column = row, column

    def __str__(self) -> str:
        return f"row {self.row} has no value in column {self.column!r}"


class WrongType(IngestError):
    """A value is of another type than its column."""

    def __init__(self, row: int, column: str, value: object, expected: str, asked_by: str = "the start of its column") -> None:
        super().__init__(row, column, shown(value), expected, asked_by)
        self.row, self.column, self.value, self.expected = row, column, shown(value), expected

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: {self.value!r} is not {self.expected}, which {self.args[-1]} asks for"


class LossyInteger(IngestError):
    """An integer has no float64 of the same value."""

    def __init__(self, row: int, column: str, value: int) -> None:
        super().__init__(row, column, value)
        self.row, self.column, self.value = row, column, value

    def __str__(self) -> str:
        return (
            f"row {self.row}, column {self.column!r}: the integer {self.value} is not exact as float64; "
            "send float64 if its nearest double will do"
        )


class LossyDecimal(IngestError):
    """A decimal has more digits than a float64 carries."""

    def __init__(self, row: int, column: str, value: str) -> None:
        super().__init__(row, column, shown(value))
        self.row, self.column, self.value = row, column, shown(value)

    def __str__(self) -> str:
        return (
            f"row {self.row}, column {self.column!r}: the decimal {self.value} has more than 15 significant digits; "
            "round it, or send float64 if its nearest double will do"
        )


class LossyTimestamp(IngestError):
    """A time has a part of a microsecond."""

    def __init__(self, row: int, column: str, value: str) -> None:
        super().__init__(row, column, value)
        self.row, self.column, self.value = row, column, value

    def __str__(self) -> str:
        return (
            f"row {self.row}, column {self.column!r}: the time {self.value} is finer than microseconds, which are kept; "
            "round it to them"
        )


class TimestampOutOfRange(IngestError):
    """A time lies before or after those that are taken."""

    def __init__(self, row: int, column: str, value: str, first: str, last: str) -> None:
        super().__init__(row, column, value, first, last)
        self.row, self.column, self.value, self.first, self.last = row, column, value, first, last

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: the time {self.value} is not within {self.first} to {self.last}"


class TextTooLong(IngestError):
    """A cell has more text than is taken."""

    def __init__(self, row: int, column: str, length: int, limit: int) -> None:
        super().__init__(row, column, length, limit)
        self.row, self.column, self.length, self.limit = row, column, length, limit

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: the text has {self.length} bytes; the limit of a cell is {self.limit}"


class RowTextTooLong(IngestError):
    """A row has more text in all its cells than is taken."""

    def __init__(self, row: int, length: int, limit: int) -> None:
        super().__init__(row, length, limit)
        self.row, self.length, self.limit = row, length, limit

    def __str__(self) -> str:
        return f"row {self.row} has {self.length} bytes of text in all its cells; the limit of a row is {self.limit}"


class BadName(IngestError):
    """A column's name is empty, repeated, reserved, too long, or has control characters."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(shown(name), why)
        self.name, self.why = shown(name), why

    def __str__(self) -> str:
        return f"the column name {self.name!r} cannot be used: {self.why}"


class UnsupportedColumn(IngestError):
    """A column's type is none of numbers, text, booleans and times."""

    def __init__(self, column: str, arrow_type: str) -> None:
        super().__init__(column, shown(arrow_type))
        self.column, self.arrow_type = column, shown(arrow_type)

    def __str__(self) -> str:
        return (
            f"column {self.column!r} has the type {self.arrow_type}; supported are floating-point numbers, integers, "
            "decimals, booleans, dates, timestamps, strings and dictionaries of strings"
        )


class NoRows(IngestError):
    """There are no rows."""

    def __str__(self) -> str:
        return "there are no rows; at least one is needed"


class NoColumns(IngestError):
    """There are no columns."""

    def __str__(self) -> str:
        return "there are no columns; at least one is needed"


class BadCsv(IngestError):
    """The body is not CSV as RFC 4180 has it, in UTF-8 and with a header."""

    def __init__(self, why: str, row: int | None = None) -> None:
        super().__init__(why, row)
        self.why, self.row = why, row

    def __str__(self) -> str:
        return f"the CSV cannot be read: {self.why}" + (f" (row {self.row})" if self.row is not None else "")


class BadArrow(IngestError):
    """The body is not a whole and valid Arrow IPC stream."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the Arrow stream cannot be read: {self.why}"


class BadParquet(IngestError):
    """The body is not a whole and valid Parquet file."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the Parquet file cannot be read: {self.why}"


class BadNumpy(IngestError):
    """The body is not a whole NPY or NPZ file of arrays of numbers."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the numpy file cannot be read: {self.why}"


class BadMultipart(IngestError):
    """The body is not a form with one file."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the form cannot be read: {self.why}"


class BadSource(IngestError):
    """What a source names cannot be read."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"the source cannot be read: {self.why}"


class BadEncoding(IngestError):
    """The body is not whole and valid in its Content-Encoding."""

    def __init__(self, encoding: str, why: str) -> None:
        super().__init__(encoding, why)
        self.encoding, self.why = encoding, why

    def __str__(self) -> str:
        return f"the body cannot be unpacked as {self.encoding}: {self.why}"


class TooLong(IngestError):
    """The body unpacks to more than is taken."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"the body unpacks to more than the limit of {self.limit} bytes; GET /limits has them all"


class TooManyColumns(IngestError):
    """There are more columns than the limit allows."""

    def __init__(self, n: int, limit: int) -> None:
        super().__init__(n, limit)
        self.n, self.limit = n, limit

    def __str__(self) -> str:
        return f"there are {self.n} columns; the limit is {self.limit}"


class TooManyRows(IngestError):
    """There are more rows than the limit allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"there are more rows than the limit of {self.limit}"


def shown(value: object) -> str:
    """Enough of a value to find it, whatever its length."""
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
