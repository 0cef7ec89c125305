"""Timestamps: what text and Arrow's types of time are as microseconds of UTC, exactly, and back."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest import arrow_times, times
from service.ingest.errors import LossyTimestamp, TimestampOutOfRange
from service.ingest.names import Array

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=8))])
)


def microseconds(when: datetime) -> int:
    """Since 1970, in integers."""
    return (when - EPOCH) // timedelta(microseconds=1)


def read(*cells: str | None) -> list[int | None] | None:
    found = times.of_text(pa.array(cells, pa.string()))
    return None if found is None else found.view(pa.int64()).to_pylist()


@given(when=moments, separator=st.sampled_from("T "))
def test_text_is_the_time_that_python_has_for_it(when: datetime, separator: str) -> None:
    """To the microsecond, whatever the offset; without one it is UTC."""
    expected = microseconds(when)
    taken = times.LEAST <= expected <= times.MOST

    assert read(when.isoformat(separator)) == ([expected] if taken else None)
    assert read(when.replace(tzinfo=None).isoformat(separator)) == [microseconds(when.replace(tzinfo=UTC))]


@given(when=moments)
def test_what_is_written_is_read_as_the_same_time(when: datetime) -> None:
    """Text with Z, and six digits of a second or none."""
    value = microseconds(when)
    if not times.LEAST <= value <= times.MOST:
        return

    text = times.iso(value)

    assert times.microseconds(text) == value
    assert times.texts(pa.array([value, None]).view(times.TIMESTAMP)).to_pylist() == [text, None]
    assert text == (EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")


PARTS = [
    ["2026", "0001", "9999", "0000", "1969"], ["-11", "-02", "-13", "-00"], ["-28", "-30", "-31", "-00"], ["", "T", "T21", " 23", "T24", "t00"],
    ["", ":05", ":60"], ["", ":59", ":60", ":00"], ["", ".1", ".123456", ".1234567", ".123456000", ".1234560000", ".", ",", ".000001"],
    ["", "Z", "+01", "-01:30", "+0100", "+24", "+23:59", "+01:60", "z", "+1", " ", "+01:"],
]  # fmt: skip


@given(cell=st.tuples(*map(st.sampled_from, PARTS)).map("".join))
@settings(max_examples=2000)
def test_one_text_alone_is_read_as_a_column_is(cell: str) -> None:
    """A time in an address is what it is in a CSV."""
    try:
        found = [times.microseconds(cell)]
    except ValueError:
        found = None

    assert found == read(cell)


@pytest.mark.parametrize("cell", [
    "2026", "2026-11", "20261128", "2026-1-2", "2026-02-30", "2026-11-28T24:00:00", "2026-11-28T21:05:60", "2026-11-28Z", "28.11.2026",
    "2026-11-28T21:05:00,5", "2026-11-28T21:05:00.1234567", "0000-01-01", "12:30:00", "2026-11-28T00:00:00+24:30", "now", "", "20261-01-01",
])  # fmt: skip
def test_what_is_no_whole_date_is_none(cell: str) -> None:
    """A year alone is a number, and what a calendar has not is text."""
    assert read(cell) is None
    assert read("2026-11-28", cell) is None
    assert times.first_that_is_none(pa.array(["2026-11-28", None, "2026-11-28T00:00Z", cell, "x"])) == 3


def test_offsets_may_differ_from_cell_to_cell() -> None:
    """Some have one and some have none; nulls stay, and nanoseconds that are zeros are none."""
    cells = ["2026-11-28", "2026-11-28T01:00:00+01:00", None, "2026-11-28 00:00Z", "2026-11-28T00:00:00.000000000"]
    day = 1_795_824_000_000_000

    assert read(*cells) == [day, day, None, day, day]
    assert read(None, None) == [None, None]


STORED: list[tuple[pa.DataType, Sequence[int | None], list[int | None]]] = [
    (pa.date32(), [20785, None, -1], [20785 * 86_400_000_000, None, -86_400_000_000]),
    (pa.date64(), [86_400_000, None], [86_400_000_000, None]),
    (pa.timestamp("s"), [-1, None], [-1_000_000, None]),
    (pa.timestamp("ms", "America/New_York"), [1, None], [1000, None]),
    (pa.timestamp("us", "+05:45"), [7, None], [7, None]),
    (pa.timestamp("ns"), [-5000, None, 7000], [-5, None, 7]),
]


@pytest.mark.parametrize(("type_", "stored", "expected"), STORED, ids=[str(type_) for type_, _, _ in STORED])
def test_arrows_types_of_time_keep_their_instant(
    type_: pa.DataType, stored: Sequence[int | None], expected: list[int | None]
) -> None:
    """Whatever the unit; a zone is how a time was shown, and changes nothing of it."""
    found = arrow_times.of_arrow(pa.array(stored, type_), "t", 0)

    assert found.type == times.TIMESTAMP
    assert found.view(pa.int64()).to_pylist() == expected


def test_a_slice_of_arrows_times_is_what_it_is_of() -> None:
    """What lies before a slice is not read with it."""
    whole: Array = pa.array([1, 2, None, 4], pa.date32())

    assert arrow_times.of_arrow(whole.slice(2), "t", 0).view(pa.int64()).to_pylist() == [None, 4 * 86_400_000_000]


def test_parts_of_a_microsecond_are_refused_by_row() -> None:
    """The time is said in full."""
    with pytest.raises(LossyTimestamp) as caught:
        arrow_times.of_arrow(pa.array([1000, None, 1001], pa.timestamp("ns")), "t", 10)

    assert (caught.value.row, caught.value.column, caught.value.value) == (12, "t", "1970-01-01T00:00:00.000001001")


@pytest.mark.parametrize(
    ("type_", "stored"), [(pa.timestamp("s"), 10**15), (pa.date32(), -(2**31)), (pa.timestamp("us"), 2**63 - 1)]
)
def test_years_that_have_no_four_digits_are_refused_by_row(type_: Any, stored: int) -> None:
    """They could not be written, and in microseconds some are beyond 64 bits."""
    with pytest.raises(TimestampOutOfRange) as caught:
        arrow_times.of_arrow(pa.array([0, stored], type_), "t", 10)

    assert (caught.value.row, caught.value.column) == (11, "t")


def test_the_range_that_doubles_hold_exactly_is_that_of_the_documentation() -> None:
    """2^53 microseconds either way."""
    assert times.iso(-times.EXACT)[:10] == "1684-07-28"
    assert times.iso(times.EXACT)[:10] == "2255-06-05"
    assert np.float64(times.EXACT) - 1 == times.EXACT - 1
