"""Parquet files: what is read, what is refused and where, and that a small body cannot ask for much memory."""

import io
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.ingest import parquet_rows
from service.ingest.errors import (
    BadName,
    BadParquet,
    IngestError,
    LossyDecimal,
    LossyInteger,
    NoRows,
    TextTooLong,
    TooManyColumns,
    TooManyRows,
    UnsupportedColumn,
)

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def read(body: bytes, folder: Path, **limits: int) -> pa.Table:
    return pa.Table.from_batches(parquet_rows.batches(io.BytesIO(body), folder, **limits))


def error(body: bytes, folder: Path, **limits: int) -> IngestError:
    with pytest.raises(IngestError) as caught:
        read(body, folder, **limits)
    return caught.value


COLUMNS = pa.table(
    {
        "x": pa.array([1.5, -0.0, float("nan"), None]),
        "f": pa.array([np.float32(0.1), 1, 2, None], pa.float32()),
        "i": pa.array([1, 2**53, -(2**62), None]),
        "u": pa.array([0, 1, 2**63, None], pa.uint64()),
        "d": pa.array([Decimal("0.10"), Decimal("2.50"), Decimal(3), None], pa.decimal128(38, 18)),
        "b": [True, False, None, True],
        "t": ["a", "", "ç", None],
        "big": pa.array(["a", "b", "c", None], pa.large_string()),
        "code": pa.array(["p", "q", "p", None]).dictionary_encode(),
    }
)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"compression": "zstd", "data_page_version": "2.0"}, {"compression": "gzip", "row_group_size": 1},
        {"use_dictionary": False, "compression": "none", "store_schema": False}, {"write_page_checksum": True, "compression": "lz4"},
    ],
    ids=str,
)  # fmt: skip
def test_cells_mean_what_they_mean_in_arrow(options: dict[str, Any], tmp_path: Path) -> None:
    """Numbers keep their values, decimals are what they read as, dictionaries are their strings, nulls stay nulls."""
    found = read(written(COLUMNS, **options), tmp_path)

    assert found.schema.types == [pa.float64()] * 5 + [pa.bool_()] + [pa.string()] * 3
    assert found["f"].to_pylist()[0] == float(np.float32(0.1))
    assert found["i"].to_pylist() == [1.0, 2.0**53, -(2.0**62), None]
    assert found["u"].to_pylist() == [0.0, 1.0, 2.0**63, None]
    assert found["d"].to_pylist() == [0.1, 2.5, 3.0, None]
    assert found["b"].to_pylist() == [True, False, None, True]
    assert found["t"].to_pylist() == found["t"].to_pylist() == ["a", "", "ç", None]
    assert found["code"].to_pylist() == ["p", "q", "p", None]
    assert np.isnan(found["x"].to_numpy()[2])


def test_what_is_lost_as_a_double_is_refused_by_its_row_in_the_file(tmp_path: Path) -> None:
    """Counted over all row groups."""
    whole = error(written(pa.table({"i": [0, 1, 2**53 + 1]}), row_group_size=1), tmp_path)
    assert isinstance(whole, LossyInteger)
    assert (whole.row, whole.column, whole.value) == (2, "i", 2**53 + 1)

    decimal = error(written(pa.table({"d": [Decimal(1), Decimal("123456789.12345678")]})), tmp_path)
    assert isinstance(decimal, LossyDecimal)
    assert (decimal.row, decimal.column) == (1, "d")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"x": [[1.0]]}, UnsupportedColumn),
        ({"x": [{"a": 1.0}]}, UnsupportedColumn),
        ({"x": pa.array([1], pa.time32("s"))}, UnsupportedColumn),
        ({"x": [b"a"]}, UnsupportedColumn),
        ({"intercept": [1.0]}, BadName),
        ({"x": pa.array([], pa.float64())}, NoRows),
    ],
)
def test_columns_that_cannot_be_used_are_refused(columns: dict[str, Any], kind: type[IngestError], tmp_path: Path) -> None:
    """Nested ones by name, as any type that is no number, text, boolean or date."""
    found = error(written(pa.table(columns)), tmp_path)

    assert type(found) is kind
    assert not isinstance(found, UnsupportedColumn) or found.column == "x"


def test_limits_on_columns_and_rows(tmp_path: Path) -> None:
    """What is at the limit passes; the footer tells, before a row is read."""
    body = written(pa.table({"x": [1.0, 2.0]}))

    assert read(body, tmp_path, max_columns=1, max_rows=2).num_rows == 2
    assert isinstance(error(written(COLUMNS), tmp_path, max_columns=8), TooManyColumns)
    assert isinstance(error(body, tmp_path, max_rows=1), TooManyRows)


BODY = written(pa.concat_tables([COLUMNS.select(["x", "i", "d", "b", "t", "code"])] * 3), row_group_size=5, compression="zstd")


@ONE_FOLDER
@given(size=st.integers(0, len(BODY) - 1))
def test_a_file_cut_anywhere_is_refused(size: int, tmp_path: Path) -> None:
    """Its end says where everything is."""
    assert isinstance(error(BODY[:size], tmp_path), BadParquet)


@settings(ONE_FOLDER, max_examples=1000)
@given(place=st.integers(0, len(BODY) - 1), value=st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused_and_raises_nothing_else(place: int, value: int, tmp_path: Path) -> None:
    """No error of pyarrow's escapes, and no process dies."""
    try:
        read(BODY[:place] + bytes([value]) + BODY[place + 1 :], tmp_path)
    except IngestError as caught:
        assert str(caught)  # noqa: PT017


def test_pages_that_unpack_to_too_much_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    """A few kilobytes of zeros do not become megabytes; and what is at the limit is read."""
    body = written(pa.table({"x": np.zeros(1_000_000)}), compression="zstd", use_dictionary=False, data_page_size=1 << 30,
                   max_rows_per_page=1 << 30)  # fmt: skip
    assert len(body) < 10_000
    path = tmp_path / "zeros.parquet"
    path.write_bytes(body)
    before = pa.total_allocated_bytes()

    with pa.OSFile(str(path), "rb") as file, pytest.raises(BadParquet, match="7000000 bytes"):
        list(parquet_rows.of_file(file, group_bytes=7_000_000))

    assert pa.total_allocated_bytes() - before < 1_000_000
    with pa.OSFile(str(path), "rb") as file:
        assert sum(batch.num_rows for batch in parquet_rows.of_file(file, group_bytes=8_100_000)) == 1_000_000


def test_the_size_that_a_page_says_is_not_believed(tmp_path: Path) -> None:
    """A page that says it unpacks to more than is allowed is refused, whatever it has: pyarrow would allocate it."""
    schema = pa.schema([pa.field("x", pa.float64(), nullable=False)])
    plain = written(pa.table({"x": pa.array(np.zeros(5_000))}, schema), compression="zstd", use_dictionary=False)
    at = plain.index(_zigzag(40_000))
    path = tmp_path / "lying.parquet"
    path.write_bytes(plain[:at] + _zigzag(2**20 - 1) + plain[at + 3 :])

    with pa.OSFile(str(path), "rb") as file, pytest.raises(BadParquet, match="1000000 bytes"):
        list(parquet_rows.of_file(file, group_bytes=1_000_000))
    assert isinstance(error(path.read_bytes(), tmp_path), BadParquet)


def test_a_billion_rows_in_a_run_are_counted_and_not_held(tmp_path: Path) -> None:
    """Runs of one value take a few bytes whatever their length: they come a batch at a time, until there are too many."""
    body = written(pa.table({"x": pa.array(np.zeros(3_000_000))}), row_group_size=1 << 30)
    assert len(body) < 20_000

    sizes = [batch.num_rows for batch in parquet_rows.batches(io.BytesIO(body), tmp_path)]

    assert (sum(sizes), max(sizes)) == (3_000_000, parquet_rows.BATCH_ROWS)
    assert isinstance(error(body, tmp_path, max_rows=1_000_000), TooManyRows)


def test_a_long_text_that_comes_a_million_times_is_never_written_out(tmp_path: Path) -> None:
    """Its length is checked as it lies in the dictionary; what is short enough comes in pieces."""
    column = pa.DictionaryArray.from_arrays(np.zeros(200_000, np.int32), ["w" * 30_000])
    body = written(pa.table({"t": column}))
    assert len(body) < 100_000
    stream = parquet_rows.batches(io.BytesIO(body), tmp_path)
    assert max(next(stream).nbytes for _ in range(20)) < 20_000_000
    del stream

    long = error(written(pa.table({"t": ["", "w" * 40_000]})), tmp_path)
    assert isinstance(long, TextTooLong)
    assert (long.row, long.length) == (1, 40_000)


def test_long_texts_that_pack_well_are_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    """A page bounds its text but not how many pages a batch has: the rows of a batch are as many as their text lets be."""
    texts = ["w" * 20_000 + str(i) for i in range(5_000)]
    body = written(pa.table({"t": texts}), compression="zstd", use_dictionary=False)
    before = pa.total_allocated_bytes()

    held = [pa.total_allocated_bytes() - before for _ in parquet_rows.batches(io.BytesIO(body), tmp_path)]

    assert len(held) > 1
    assert max(held) < 4 * parquet_rows.BATCH_TEXT_BYTES


def test_a_footer_that_says_more_than_it_has_is_refused(tmp_path: Path) -> None:
    """A list of a billion row groups in ten bytes; schemas nested without end; a length beyond the file."""
    for footer in (b"\x15\x02\x19\xfc\xff\xff\xff\xff\x03", b"\x1c" * 100_000, b"\x19\x1c" * 50_000):
        body = b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"
        assert isinstance(error(body, tmp_path), BadParquet)
    assert isinstance(error(b"PAR1" + struct.pack("<I", 2**32 - 1) + b"PAR1", tmp_path), BadParquet)
    assert isinstance(error(b"PAR1PAR1", tmp_path), BadParquet)


def test_text_in_an_encoding_that_says_its_length_inside_is_refused_by_name(tmp_path: Path) -> None:
    """As many lengths as are said there are allocated for, and nobody can see them before it unpacks the page."""
    body = written(pa.table({"t": ["a", "b"]}), use_dictionary=False, column_encoding={"t": "DELTA_LENGTH_BYTE_ARRAY"})

    assert "DELTA_LENGTH_BYTE_ARRAY" in str(error(body, tmp_path))


def test_nothing_is_left_in_the_folder(tmp_path: Path) -> None:
    """The file has no name even while it is read."""
    stream = parquet_rows.batches(io.BytesIO(BODY), tmp_path)
    next(stream)

    assert list(tmp_path.iterdir()) == []
    del stream


def _zigzag(value: int) -> bytes:
    value, out = value << 1, bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
