"""Timestamps: ISO 8601 text as microseconds of UTC since 1970, and these as text.

pyarrow reads the text, as fast as it reads numbers, but of a column either all that have an offset or all that have none: so
both are tried, and one of each kind is cut in two.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from service.ingest.errors import TimestampOutOfRange
from service.ingest.names import Array, record_batch

TIMESTAMP: Any = pa.timestamp("us", "UTC")
EXPECTED = "a date or a time as ISO 8601 has them, such as 2026-11-28 or 2026-11-28T21:05:00Z"
LEAST, MOST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999, which have four digits
SECOND = 1_000_000
EXACT = 2**53  # microseconds from 1970 up to which, either way, all have a double: 1684-07-28 to 2255-06-05

_NAIVE = pa.timestamp("us")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
_OFFSET = r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$"
_LONG_FRACTION, _FRACTION = r"(\.\d{6})0{1,3}(Z|[+-][\d:]+)?$", r"\1\2"  # nanoseconds that are none, as polars writes them
_ONE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(?:(\d{6})0{1,3}|(\d{1,6})))?)?)?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MOST_HOURS, MOST_MINUTES = 23, 59  # of an offset


def of_text(cells: Array) -> Array | None:
    """The cells of text as timestamps, nulls as they are; None: one is no date or time. Without an offset it is UTC."""
    if cells.null_count == len(cells):
        nothing: Array = pa.nulls(len(cells), TIMESTAMP)
        return nothing
    found = _parsed(cells)
    if found is None:
        return None
    first, last = extremes(found)
    return found if first >= LEAST and last <= MOST else None


def extremes(values: Array) -> tuple[int, int]:
    """The first and the last of timestamps, of which there is one, as microseconds from 1970."""
    found: Any = pc.min_max(values.view(pa.int64())).as_py()
    return found["min"], found["max"]


def _parsed(cells: Array) -> Array | None:
    first = cells[pc.index(cells.is_valid(), True).as_py()].as_py()
    if not _DATE.match(first):  # to try takes long where text is text
        return None
    # The likely one first: a failed cast takes thirty times as long as one that does not fail.
    types = (TIMESTAMP, _NAIVE) if re.search(_OFFSET, first) else (_NAIVE, TIMESTAMP)
    found = _as_they_are(cells, types)
    return _as_they_are(pc.replace_substring_regex(cells, _LONG_FRACTION, _FRACTION), types) if found is None else found


def _as_they_are(cells: Array, types: Sequence[pa.DataType]) -> Array | None:
    for type_ in types:
        try:
            return cells.cast(type_).view(TIMESTAMP)
        except pa.ArrowInvalid:
            continue
    has_offset, nothing = pc.match_substring_regex(cells, _OFFSET), pa.scalar(None, pa.string())
    try:
        with_offset = pc.if_else(has_offset, cells, nothing).cast(TIMESTAMP)
        others = pc.if_else(has_offset, nothing, cells).cast(_NAIVE).view(TIMESTAMP)
    except pa.ArrowInvalid:
        return None
    both: Array = pc.coalesce(with_offset, others)
    return both


def first_that_is_none(cells: Array) -> int:
    """The place of the first cell of text that is no date or time, of which there is one: by halving, as pyarrow does not say."""
    low, high = 0, len(cells)  # the first lies in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        part = cells.slice(low, middle - low)
        if of_text(part) is None:
            high = middle
        else:
            low = middle
    return low


def with_timestamps(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with their columns of text as timestamps, of those whose cells all are."""
    read = [of_text(cells) if cells.type == pa.string() and cells.null_count < len(cells) else None for cells in batch.columns]
    if not any(column is not None for column in read):
        return batch
    columns = [cells if column is None else column for cells, column in zip(batch.columns, read, strict=True)]
    return record_batch(columns, batch.schema.names)


def texts(values: Array) -> Array:
    """Timestamps as ISO 8601 text in UTC: 2026-11-28T21:05:00Z, and microseconds, six digits, where there are some."""
    found: Array = values.view(_NAIVE).cast(pa.string())
    for pattern, instead in ((" ", "T"), (".000000", "")):
        found = pc.replace_substring(found, pattern, instead)
    joined: Any = pc.binary_join_element_wise
    written: Array = joined(found, "Z", "")
    return written


def require_exact(values: Array, name: str, row_of: Callable[[int], int]) -> None:
    """Args: row_of: where the value at a place stands.

    Raises: TimestampOutOfRange: the microseconds of one have no double of their own.
    """
    if values.null_count == len(values):
        return
    first, last = extremes(values)
    if first < -EXACT or last > EXACT:
        found = values.view(pa.int64()).fill_null(0).to_numpy()
        at = int(((found < -EXACT) | (found > EXACT)).argmax())
        raise TimestampOutOfRange(row_of(at), name, iso(int(found[at])), iso(-EXACT), iso(EXACT))


def exact_microseconds(text: str, name: str) -> float:
    """A date or time, the only row of a column of this name. Raises: ValueError: it is none; TimestampOutOfRange."""
    value = microseconds(text)
    if abs(value) > EXACT:
        raise TimestampOutOfRange(0, name, iso(value), iso(-EXACT), iso(EXACT))
    return float(value)


def iso(microseconds: int) -> str:
    """A time, given as microseconds from 1970, as `texts` writes it."""
    return (_EPOCH + microseconds * _MICROSECOND).isoformat().replace("+00:00", "Z")


def nearest(microseconds: float) -> str | None:
    """The nearest time that can be written, as text; None: it lies in a year that has not four digits."""
    return iso(round(microseconds)) if LEAST <= microseconds <= MOST else None


def microseconds(text: str) -> int:
    """A date or time as microseconds from 1970: what `of_text` reads it as, in 3 us where that takes 120.

    Raises: ValueError: it is none.
    """
    found = _ONE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, long, fraction, sign, hours, minutes = found.groups("0")
    when = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    if int(hours) > MOST_HOURS or int(minutes) > MOST_MINUTES:
        raise ValueError(text)
    offset = (int(hours) * 60 + int(minutes)) * (-60 if sign == "-" else 60)
    value = (when - _EPOCH) // _MICROSECOND + int(long if long != "0" else fraction.ljust(6, "0")) - offset * SECOND
    if not LEAST <= value <= MOST:
        raise ValueError(text)
    return value
