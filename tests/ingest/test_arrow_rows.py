"""Arrow IPC streams: what is read, what is refused and where, and that a small body cannot ask for much memory."""

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import arrow_rows
from service.ingest.errors import (
    BadArrow,
    BadName,
    IngestError,
    LossyDecimal,
    LossyInteger,
    NoColumns,
    NoRows,
    RowTextTooLong,
    TextTooLong,
    TooManyColumns,
    TooManyRows,
    UnsupportedColumn,
)


def stream(*tables: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, tables[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue()


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def read(body: bytes, **limits: int) -> pa.Table:
    return pa.Table.from_batches(arrow_rows.batches(io.BytesIO(body), **limits))


def error(body: bytes, **limits: int) -> IngestError:
    with pytest.raises(IngestError) as caught:
        read(body, **limits)
    return caught.value


COLUMNS = table(
    x=pa.array([1.5, -0.0, float("nan")]),
    f=pa.array([np.float32(0.1), 1, 2], pa.float32()),
    i=pa.array([1, 2**53, -(2**62)]),
    u=pa.array([0, 1, 2**63], pa.uint64()),
    b=[True, False, True],
    t=["a", "", "ç"],
    big=pa.array(["a", "b", "c"], pa.large_string()),
    code=pa.array(["p", "q", "p"]).dictionary_encode(),
)


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_numbers_keep_their_values_and_text_and_booleans_are_kept(compression: str | None) -> None:
    """float32 widens exactly, an integer becomes the double of the same value, a dictionary becomes its strings."""
    found = read(stream(COLUMNS, COLUMNS, compression=compression))

    assert found.schema.types == [pa.float64()] * 4 + [pa.bool_()] + [pa.string()] * 3
    assert found["f"].to_pylist()[0] == float(np.float32(0.1))
    assert found["i"].to_pylist() == [1.0, 2.0**53, -(2.0**62)] * 2
    assert found["u"].to_pylist()[2] == 2.0**63
    assert found["code"].to_pylist() == ["p", "q", "p"] * 2
    assert np.isnan(found["x"].to_numpy()[2])


@given(value=st.integers(-(2**63), 2**63 - 1))
def test_an_integer_is_read_exactly_or_refused(value: int) -> None:
    """Never the nearest double in its place."""
    body = stream(table(x=[0, 0]), table(x=[0, value]))

    if int(float(value)) == value:
        assert read(body)["x"].to_pylist()[3] == value
    else:
        found = error(body)
        assert isinstance(found, LossyInteger)
        assert (found.row, found.column, found.value) == (3, "x", value)


@pytest.mark.parametrize("value", [2**64 - 1, 2**63 + 1])
def test_the_largest_unsigned_integers_are_refused(value: int) -> None:
    """Their doubles are one past what could be turned back."""
    assert isinstance(error(stream(table(x=pa.array([value], pa.uint64())))), LossyInteger)


CELLS: list[tuple[Any, list[Any]]] = [
    (pa.float64(), [1.5, -0.0, 2.5]),
    (pa.float32(), [0.5, 3.0, 0.25]),
    (pa.float16(), [np.float16(0.5), np.float16(3), np.float16(1)]),
    (pa.int8(), [1, -2, 3]),
    (pa.uint64(), [1, 2**63, 3]),
    (pa.bool_(), [True, False, True]),
    (pa.string(), ["a", "", "c"]),
    (pa.large_string(), ["a", "", "c"]),
    (pa.decimal32(7, 2), [Decimal("0.10"), Decimal(-3), Decimal(0)]),
    (pa.decimal128(38, 18), [Decimal("0.1"), Decimal(-3), Decimal("12345.67")]),
    (pa.decimal256(76, 30), [Decimal("0.1"), Decimal(-3), Decimal("12345.67")]),
]
NUMBERS = [(type_, cells) for type_, cells in CELLS if not isinstance(cells[0], str | bool)]


@pytest.mark.parametrize(("type_", "values"), CELLS, ids=str)
@pytest.mark.parametrize("missing", [(), (0,), (1, 3), (0, 1, 2, 3, 4, 5)], ids=str)
def test_nulls_stay_nulls_in_every_type(
    type_: Any, values: list[Any], missing: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whichever batch and piece of one; and what is not missing keeps its value."""
    monkeypatch.setattr(arrow_rows, "SLICE_CELLS", 2)
    cells = [None if i in missing else cell for i, cell in enumerate(values * 2)]
    found = read(stream(table(x=pa.array(cells[:4], type_)), table(x=pa.array(cells[4:], type_))))["x"]

    expected = [cell if cell is None or isinstance(cell, str | bool) else float(cell) for cell in cells]
    assert found.to_pylist() == expected
    assert found.type in {pa.float64(), pa.bool_(), pa.string()}
    assert found.null_count == len(missing)


def test_nulls_of_dictionaries_stay_nulls() -> None:
    """Whether the cell points nowhere or at a null in the dictionary."""
    nowhere = pa.array(["a", None, "b"]).dictionary_encode()
    at_null = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int32()), pa.array(["a", None]))

    assert read(stream(table(x=nowhere)))["x"].to_pylist() == ["a", None, "b"]
    assert read(stream(table(x=at_null)))["x"].to_pylist() == ["a", None, "a"]


def test_a_column_of_nulls_alone_is_one_of_numbers() -> None:
    """As in the other formats."""
    found = read(stream(table(x=pa.nulls(3))))["x"]

    assert (found.type, found.to_pylist()) == (pa.float64(), [None] * 3)


@pytest.mark.parametrize("type_", [pa.float64(), pa.float32()], ids=str)
def test_nan_is_not_missing(type_: Any) -> None:
    """It stays what it is, beside nulls too, and the solver's reading refuses it."""
    found = read(stream(table(x=pa.array([1.0, float("nan"), None], type_))))["x"].to_pylist()

    assert (found[0], str(found[1]), found[2]) == (1.0, "nan", None)


@pytest.mark.parametrize(("type_", "cells"), NUMBERS, ids=str)
def test_a_column_without_nulls_has_no_bitmap_of_them(type_: Any, cells: list[Any]) -> None:
    """Numbers can be read where they lie, also of writers that always send the bitmap."""
    values = pa.array([*cells, None], type_).slice(0, 3)
    (batch,) = arrow_rows.batches(io.BytesIO(stream(table(x=values))))

    assert batch["x"].buffers()[0] is None
    assert batch["x"].to_numpy(zero_copy_only=True).tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize("type_", [pa.float64(), pa.float32()], ids=str)
@pytest.mark.parametrize("cells", [[-0.0, 0.0], [-0.0, 0.0, None]])
def test_the_sign_of_zero_is_kept(type_: Any, cells: list[float | None]) -> None:
    """Beside nulls and without."""
    found = read(stream(table(x=pa.array(cells, type_))))["x"].to_pylist()

    assert [str(cell) for cell in found] == [str(cell) for cell in cells]


def test_an_integer_that_no_double_equals_is_found_beside_nulls() -> None:
    """The row counts the missing cells."""
    found = error(stream(table(x=[1, None]), table(x=[None, 2**53 + 1])))

    assert isinstance(found, LossyInteger)
    assert (found.row, found.value) == (3, 2**53 + 1)


def test_a_decimal_of_more_digits_than_a_double_carries_is_refused_by_row_and_column() -> None:
    """In whichever batch."""
    long = Decimal("123456789.12345678")
    first, second = (pa.array(cells, pa.decimal128(38, 10)) for cells in ([Decimal(1), None], [Decimal(2), long]))
    found = error(stream(table(x=first), table(x=second)))

    assert isinstance(found, LossyDecimal)
    assert (found.row, found.column, found.value) == (3, "x", "123456789.1234567800")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"x": pa.array([1], pa.time32("s"))}, UnsupportedColumn),
        ({"x": pa.array([[1.0]])}, UnsupportedColumn),
        ({"x": pa.array([b"a"])}, UnsupportedColumn),
        ({"x": pa.array([1, 2]).dictionary_encode()}, UnsupportedColumn),
        ({"intercept": [1.0]}, BadName),
        ({"": [1.0]}, BadName),
        ({"x": pa.array([], pa.float64())}, NoRows),
        ({}, NoColumns),
    ],
)
def test_columns_that_cannot_be_used_are_refused(columns: dict[str, Any], kind: type[IngestError]) -> None:
    """Before a row is read, where the schema says it."""
    assert type(error(stream(pa.table(columns)))) is kind


def test_limits_on_columns_and_rows() -> None:
    """What is at the limit passes."""
    body = stream(table(x=[1.0, 2.0]))

    assert read(body, max_columns=1, max_rows=2).num_rows == 2
    assert isinstance(error(stream(COLUMNS), max_columns=7), TooManyColumns)
    assert isinstance(error(body, max_rows=1), TooManyRows)


BODY = stream(COLUMNS, COLUMNS, compression="zstd")


@given(size=st.integers(0, len(BODY) - 1))
def test_a_stream_cut_anywhere_is_refused(size: int) -> None:
    """Also between two batches, where pyarrow alone would take it for whole."""
    assert isinstance(error(BODY[:size]), BadArrow)


@given(place=st.integers(0, len(BODY) - 1), value=st.integers(0, 255))
def test_a_damaged_stream_is_read_or_refused_and_raises_nothing_else(place: int, value: int) -> None:
    """No error of pyarrow's escapes, and no process dies."""
    try:
        read(BODY[:place] + bytes([value]) + BODY[place + 1 :])
    except IngestError as caught:
        assert str(caught)  # noqa: PT017


@pytest.mark.parametrize("body", [b"not arrow at all", b"ARROW1\x00\x00" + bytes(100), BODY + b"\x00", BODY + BODY])
def test_what_is_not_one_stream_is_refused(body: bytes) -> None:
    """Neither an Arrow file, nor two streams of which the second would be lost."""
    assert isinstance(error(body), BadArrow)


def test_a_batch_beyond_the_limit_is_refused_before_it_is_unpacked() -> None:
    """A few kilobytes of compressed zeros do not become megabytes."""
    body = stream(table(x=np.zeros(1_000_000)), compression="zstd")
    assert len(body) < 100_000
    before = pa.total_allocated_bytes()

    found = error(body, batch_bytes=1_000_000)

    assert "limit is 1000000" in str(found)
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_a_declared_length_is_not_believed() -> None:
    """A buffer that says it unpacks to a terabyte is refused."""
    zipped = stream(table(x=np.zeros(1000)), compression="zstd")
    lying = zipped.replace((8000).to_bytes(8, "little"), (1 << 40).to_bytes(8, "little"))
    assert lying != zipped
    assert isinstance(error(lying), BadArrow)


def test_a_dictionary_of_one_long_word_is_unpacked_a_piece_at_a_time() -> None:
    """A byte sent may stand for the longest text that is taken: what is held does not grow with how often it is meant."""
    words = pa.DictionaryArray.from_arrays(np.zeros(5_000, np.int32), ["w" * 10_000])

    sizes = [batch.nbytes for batch in arrow_rows.batches(io.BytesIO(stream(table(t=words))))]

    assert sum(sizes) > 50_000_000
    assert max(sizes) < arrow_rows.TEXT_BYTES + 100_000


def test_text_has_a_length_in_a_cell_and_in_a_row() -> None:
    """Of a dictionary too, before it is unpacked; the row is counted from the first of the stream."""
    long = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), ["w", "w" * 40_000])
    cell = error(stream(table(t=long)))
    assert isinstance(cell, TextTooLong)
    assert (cell.row, cell.column, cell.length) == (1, "t", 40_000)

    row = error(stream(table(a=["", "é" * 15_000], b=["", "w" * 30_000], c=["", "w" * 10_000])))
    assert isinstance(row, RowTextTooLong)
    assert (row.row, row.length) == (1, 70_000)


def test_what_the_stream_raises_comes_through() -> None:
    """A client that goes is not a fault of the Arrow stream."""

    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) or self._gone()

        def _gone(self) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        list(arrow_rows.batches(Gone(BODY[:-8])))
