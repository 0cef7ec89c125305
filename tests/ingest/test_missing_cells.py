"""Missing cells: the same in every format, however the body is cut."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import arrow_rows, csv_rows
from service.ingest.json_rows import RowsBody, parse, rows

Columns = dict[str, list[Any]]

TYPES: dict[str, pa.DataType] = {"x": pa.float64(), "t": pa.string(), "b": pa.bool_(), "row": pa.float64()}
SCHEMA = pa.schema(TYPES)


def from_json(columns: Columns, _size: int) -> pa.Table:
    return pa.Table.from_batches([rows(parse(RowsBody, json.dumps({"columns": columns}).encode()))])


def from_csv(columns: Columns, size: int) -> pa.Table:
    written = io.StringIO(newline="")
    csv.writer(written).writerows([columns, *zip(*columns.values(), strict=True)])
    return pa.Table.from_batches(csv_rows.batches(io.BytesIO(written.getvalue().encode()), block_bytes=40 + size))


def from_arrow(columns: Columns, size: int) -> pa.Table:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(pa.table(columns, SCHEMA), max_chunksize=size)
    return pa.Table.from_batches(arrow_rows.batches(io.BytesIO(sink.getvalue())))


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.none() | st.text(st.sampled_from("NAnul.é, "), min_size=1, max_size=4)
cells = st.tuples(numbers, texts, st.none() | st.booleans())


@pytest.mark.parametrize("read", [from_json, from_csv, from_arrow])
@given(following=st.lists(cells, max_size=30), size=st.integers(1, 100))
def test_every_format_gives_the_same_nulls_in_batches_of_any_size(
    read: Callable[[Columns, int], pa.Table], following: list[tuple[Any, ...]], size: int
) -> None:
    """A null where a cell is missing, and to the bit what was sent where it is not."""
    # a whole row first, and short, so that the first block of CSV has it
    x, t, b = zip((1.5, "a", True), *following, strict=True)
    columns: Columns = {"x": list(x), "t": list(t), "b": list(b), "row": [float(i) for i in range(len(x))]}

    table = read(columns, size)

    assert table.schema.types == SCHEMA.types
    assert repr(table.to_pydict()) == repr(columns)
    assert table["x"].null_count == columns["x"].count(None)
    assert all(batch["row"].buffers()[0] is None for batch in table.to_batches())


@pytest.mark.parametrize("read", [from_json, from_csv])
@pytest.mark.parametrize("n_rows", [1, 2, 50])
def test_a_column_without_a_value_is_one_of_numbers(read: Callable[[Columns, int], pa.Table], n_rows: int) -> None:
    """In the formats whose columns say no type."""
    table = read({"x": [None] * n_rows, "y": [1.0] * n_rows}, 1)

    assert (table["x"].type, table["x"].to_pylist()) == (pa.float64(), [None] * n_rows)
