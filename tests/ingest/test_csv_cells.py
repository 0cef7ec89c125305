"""Cells of a CSV: what is read where it stands is what it is read as cell by cell, to the bit."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import csv_cells
from service.ingest.errors import WrongType
from service.ingest.names import Array

ODD = [
    "1", " 1", "1 ", "\t1", "+1", "-1", "+-1", "--1", "1.", ".5", ".", "-.5", "1e5", "1E5", "1e", "e5", "1e+05", "1d5", "0x10", "0X1p3",
    "inf", "-inf", "+inf", "Infinity", "INF", "infinit", "nan", "NaN", "-nan", "+nan", "nan(1)", "1e400", "-1e400", "1e-400", "-0",
    "-0.0", "1_0", "1,5", "1 0", "01", "00", "", " ", "  ", "NA", " NA", "NA ", "N/A", "n/a", "#N/A", "null", "NULL", "Null", "None", " . ",
    "2020-01-02", "12:30:00", "true", "TRUE", "1f", "1.5.2", "\u00a01", "１", "−1", "1\n", "\n1", "\r", '"', '""', "1\x00", "9" * 400,
    "2.2250738585072011e-308", "9007199254740993", "0." + "1" * 800, "1" + "0" * 310 + "e-310", "4.9e-324", "2.4e-324", "1.7976931348623159e308",
]  # fmt: skip

cell = st.sampled_from(ODD) | st.text(st.sampled_from('0123456789.eE+-_xinfaNA \t"\n,'), max_size=8) | st.floats().map(repr)
row = st.tuples(cell, st.booleans(), cell, st.booleans())


def written(value: str, is_quoted: bool) -> str:
    is_quoted = is_quoted or any(sign in value for sign in '",\n\r')
    return '"{}"'.format(value.replace('"', '""')) if is_quoted else value


def piece_of(rows: list[tuple[str, bool, str, bool]]) -> memoryview:
    return memoryview("".join(f"{written(a, qa)},{written(b, qb)}\n" for a, qa, b, qb in rows).encode())


def by_cells(piece: memoryview, types: Sequence[pa.DataType]) -> list[Array] | None:
    """The way that says what is wrong."""
    columns = [csv_cells.whole(column, 0, "x") for column in csv_cells.cells(piece, len(types), 0).columns]
    try:
        return [csv_cells.converted(column, type_, "x", 0, "it") for column, type_ in zip(columns, types, strict=True)]
    except WrongType:
        return None


def bits(column: "Array | pa.ChunkedArray[Any]") -> list[str | None]:
    return [None if value is None else value.hex() if isinstance(value, float) else value for value in column.to_pylist()]


@given(rows=st.lists(row, min_size=1, max_size=6), is_text=st.booleans())
def test_what_is_read_where_it_stands_is_what_its_cells_are(rows: list[tuple[str, bool, str, bool]], is_text: bool) -> None:
    """Nothing is taken that the cells refuse, and no bit and no missing cell is another."""
    types = [pa.float64(), pa.string() if is_text else pa.float64()]
    piece = piece_of(rows)

    found = csv_cells.typed(piece, types)

    expected = by_cells(piece, types)
    if found is not None:
        assert expected is not None
        columns = [
            csv_cells.converted(csv_cells.whole(c, 0, "x"), t, "x", 0, "it") for c, t in zip(found.columns, types, strict=True)
        ]
        assert [bits(column) for column in columns] == [bits(column) for column in expected]


@pytest.mark.parametrize("is_quoted", [False, True])
@pytest.mark.parametrize("value", ODD)
def test_an_odd_cell_alone_is_read_one_way(value: str, is_quoted: bool) -> None:
    """Each by itself, so that no other hides what becomes of it."""
    test = test_what_is_read_where_it_stands_is_what_its_cells_are.hypothesis.inner_test  # type: ignore[attr-defined]
    test([(value, is_quoted, "1", False)], False)


@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20), digits=st.integers(15, 30))
def test_plain_numbers_and_missing_ones_need_no_cells(values: list[float], digits: int) -> None:
    """What programs write of doubles, in full or rounded, is read at once; so is what they write where there is none."""
    rows = [f"{value!r},{value:.{digits}e},{missing}\n" for value, missing in zip(values, csv_cells.MISSING * 3, strict=False)]

    found = csv_cells.typed(memoryview("".join(rows).encode()), [pa.float64()] * 3)

    assert found is not None
    assert bits(found.column(0)) == [value.hex() for value in values[: len(rows)]]
    assert bits(found.column(1)) == [float(f"{value:.{digits}e}").hex() for value in values[: len(rows)]]
    assert found.column(2).null_count == len(rows)
