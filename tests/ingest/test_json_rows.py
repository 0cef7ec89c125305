"""Rows in JSON: the three forms, and what is refused, by JSON pointer."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import json_rows
from service.ingest.errors import (
    BadName,
    IngestError,
    InvalidFields,
    NoColumns,
    NoRows,
    NotJson,
    RaggedRow,
    UnequalColumns,
)
from service.ingest.json_rows import DatasetBody, RowsBody, Sample, dataset_rows, matrix, parse, rows


def read(body: dict[str, Any]) -> pa.RecordBatch:
    return rows(parse(RowsBody, json.dumps(body).encode()))


def errors(body: bytes | dict[str, Any]) -> dict[str, str]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidFields) as caught:
        dataset_rows(parse(DatasetBody, text))
    return dict(caught.value.errors)


def test_columns_are_numbers_text_or_booleans() -> None:
    """Integers are numbers like others."""
    batch = read({"columns": {"x": [1, 2.5], "t": ["2", ""], "b": [True, False]}})

    assert batch.to_pydict() == {"x": [1.0, 2.5], "t": ["2", ""], "b": [True, False]}
    assert batch.schema.types == [pa.float64(), pa.string(), pa.bool_()]


@pytest.mark.parametrize(
    ("body", "called"),
    [
        ({"X": [[1], [2]], "y": [3, 4]}, ["x", "y"]),
        ({"X": [[1, 2], [3, 4]], "y": [5, 6]}, ["x1", "x2", "y"]),
        ({"X": [[1, 2], [3, 4]], "y": [5, 6], "feature_names": ["a", "b"], "target_name": "z"}, ["a", "b", "z"]),
    ],
)
def test_features_and_target_have_names_of_their_own_or_the_usual_ones(body: dict[str, Any], called: list[str]) -> None:
    """The target is the last column."""
    batch = read(body)

    assert batch.schema.names == called
    assert batch.columns[0].to_pylist() == [row[0] for row in body["X"]]
    assert batch.columns[-1].to_pylist() == body["y"]


def test_a_line_to_be_generated_is_left_to_the_solver() -> None:
    """What is said of it is checked here."""
    found = dataset_rows(parse(DatasetBody, b'{"sample": {"n_samples": 50, "slope": 3.14, "noise_std": 0.5}, "name": "pi"}'))

    assert found == Sample(n_samples=50, slope=3.14, intercept=0.0, noise_std=0.5, random_state=None)
    assert set(errors({"sample": {"n_samples": 0, "slope": "3", "noise_std": -1}})) == {
        "/sample/n_samples",
        "/sample/slope",
        "/sample/noise_std",
    }


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_correctly_rounded(values: list[float]) -> None:
    """What Python reads from the text is what is read, to the bit."""
    texts = [f"{value:.25e}" if i % 2 else repr(value) for i, value in enumerate(values)]

    batch = rows(parse(RowsBody, f'{{"columns": {{"x": [{",".join(texts)}]}}}}'.encode()))

    assert np.array_equal(batch["x"].to_numpy(), [float(text) for text in texts])


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1, None, -0.0], pa.float64()),
        ([None, 1.5, 2], pa.float64()),
        ([None, None, True], pa.bool_()),
        ([False, None], pa.bool_()),
        ([None, "a", ""], pa.string()),
        (["a", None], pa.string()),
        ([None], pa.float64()),
        ([None, None], pa.float64()),
    ],
)
def test_null_is_a_missing_cell_in_a_column_of_any_type(values: list[Any], type_: pa.DataType) -> None:
    """The first value that is there says the type; a column of nulls alone is one of numbers."""
    column = read({"columns": {"x": values}})["x"]

    assert (column.type, column.to_pylist()) == (type_, values)
    assert column.null_count == values.count(None)


def test_null_is_a_missing_cell_in_features_and_target() -> None:
    """The record batch has nulls, which are told from what is not finite; the array alone has NaN for them."""
    X: list[list[float | None]] = [[None, 1, None], [2, -0.0, None]]
    batch = read({"X": X, "y": [None, 3]})

    assert batch.to_pydict() == {"x1": [None, 2.0], "x2": [1.0, 0.0], "x3": [None, None], "y": [None, 3.0]}
    assert [column.null_count for column in batch.columns] == [1, 0, 2, 1]
    assert batch.schema.types == [pa.float64()] * 4
    assert str(batch["x2"][1]) == "-0.0"
    assert np.array_equal(matrix(X), np.array(X, np.float64), equal_nan=True)


@pytest.mark.parametrize("body", [{"X": [[1, 2], [3, 4]], "y": [5, 6]}, {"columns": {"x": [1, 2], "y": [5, 6]}}])
def test_rows_without_missing_cells_have_no_bitmap_of_them(body: dict[str, Any]) -> None:
    """So that they can be read where they lie."""
    for column in read(body).columns:
        assert column.buffers()[0] is None
        assert len(column.to_numpy(zero_copy_only=True)) == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("true", "expected a number, got true"),
        ('"2"', 'expected a number, got "2"'),
        ("[1]", "expected a number, got a list"),
        ("NaN", "expected a finite number that float64 can hold"),
        ("1e400", "expected a finite number that float64 can hold"),
        ("1" * 400, "expected a finite number that float64 can hold"),
    ],
)
def test_what_is_no_number_is_refused_where_it_stands(bad: str, message: str) -> None:
    """In each form, by JSON pointer, and only the first of a list."""
    columns = f'{{"columns": {{"x": [{"1," * 17}{bad},{bad}], "y": [1]}}}}'
    X = f'{{"X": [[1, 2], [1, {bad}], [1, {bad}]], "y": [1]}}'
    y = f'{{"X": [[1]], "y": [1, {bad}]}}'

    assert errors(columns.encode()) == {"/columns/x/17": message}
    assert errors(X.encode()) == {"/X/1/1": message}
    assert errors(y.encode()) == {"/y/1": message}


@pytest.mark.parametrize(
    ("values", "at", "message"),
    [
        ('"a", "b", 3', 2, "expected a string, got 3"),
        ('null, "a", null, 3', 3, "expected a string, got 3"),
        ("null, 1, null, true", 3, "expected a number, got true"),
        ("true, 0", 1, "expected a boolean, got 0"),
        ("{}", 0, "expected a number, a boolean or a string, got an object"),
        ("null, null, [1]", 2, "expected a number, a boolean or a string, got a list"),
        ("null, NaN", 1, "expected a finite number that float64 can hold"),
        ("1, {}", 1, "expected a number, got an object"),
    ],
)
def test_a_column_is_of_one_type(values: str, at: int, message: str) -> None:
    """The first value that is not missing says which."""
    assert errors(f'{{"columns": {{"a/b~": [{values}]}}}}'.encode()) == {f"/columns/a~1b~0/{at}": message}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tomorrow": "file:///x"}, {"/tomorrow": "unknown field"}),
        ({"columns": {"x": [1]}, "missing": "drop"}, {"/missing": "unknown field"}),
        ({"columns": [1]}, {"/columns": "expected an object, got a list"}),
        ({"columns": {"x": None}}, {"/columns/x": "expected a list, got null"}),
        ({"X": [None], "y": [1]}, {"/X/0": "expected a list, got null"}),
        ({"columns": {"x": 1}}, {"/columns/x": "expected a list, got 1"}),
        ({"X": [1, 2], "y": [1, 2]}, {"/X/0": "expected a list, got 1"}),
        ({}, {"": "expected rows, as columns or as X and y"}),
        ({"X": [[1]]}, {"/y": "expected rows, as columns or as X and y"}),
        ({"columns": {"x": [1]}, "y": [1]}, {"/y": "cannot be used with columns"}),
        ({"sample": {"n_samples": 1, "slope": 1}, "X": [[1]]}, {"/X": "cannot be used with sample"}),
        (
            {"X": [[1]], "y": [1], "feature_names": ["a", "b"]},
            {"/feature_names": "expected 1 names, one a column of X, got 2"},
        ),
        (b"[1]", {"": "expected an object, got a list"}),
    ],
)
def test_fields_are_refused_by_name(body: bytes | dict[str, Any], expected: dict[str, str]) -> None:
    """Nothing is ignored."""
    assert errors(body) == expected


def test_at_most_twenty_errors_are_reported() -> None:
    """A body of a thousand wrong columns gets an answer of a readable size."""
    assert len(errors({"columns": {f"x{j}": [{}] for j in range(1000)}})) == 20


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({f"k{j}": 1 for j in range(100_001)}, "expected objects of at most 100000 names"),
        ({"columns": {f"k{j}": [1] for j in range(100_001)}}, "expected objects of at most 100000 names"),
        ({f"k{j}": 1 for j in range(20_000)}, "20000 values in it are wrong or unknown, too many to tell which"),
        ({"window": {f"k{j}": 1 for j in range(20_000)}}, "20000 values in it are wrong or unknown, too many to tell which"),
    ],
)
def test_more_is_wrong_than_anybody_can_read(body: dict[str, Any], message: str) -> None:
    """One error then, since a body of millions would hold up all others for the list of them."""
    assert errors(body) == {"": message}


@pytest.mark.parametrize("body", [b"", b"{", b'{"X": [[1],\n]}', b"\xff\xfe", b"\n x,y", b"[" * 100_000])
def test_what_is_not_json_is_refused_with_its_place(body: bytes) -> None:
    """By line and column, as editors count them."""
    with pytest.raises(NotJson) as caught:
        parse(DatasetBody, body)
    assert caught.value.line == 1 + body.count(b"\n")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"columns": {}}, NoColumns),
        ({"columns": {"x": []}}, NoRows),
        ({"columns": {"x": [1], "y": [1, 2]}}, UnequalColumns),
        ({"columns": {"": [1]}}, BadName),
        ({"columns": {"intercept": [1]}}, BadName),
        ({"X": [], "y": []}, NoRows),
        ({"X": [[], []], "y": [1, 2]}, NoColumns),
        ({"X": [[1], [2]], "y": [1]}, UnequalColumns),
        ({"X": [[1], [1, 2]], "y": [1, 2]}, RaggedRow),
        ({"X": [[1, 2]], "y": [1], "feature_names": ["a", "a"]}, BadName),
        ({"X": [[1]], "y": [1], "feature_names": ["y"]}, BadName),
    ],
)
def test_shapes_and_names_are_checked(body: dict[str, Any], kind: type[IngestError]) -> None:
    """The same errors as in the other formats."""
    with pytest.raises(kind) as caught:
        read(body)
    assert str(caught.value)


def test_a_ragged_row_is_named_with_its_length_and_what_was_expected() -> None:
    """The first one."""
    with pytest.raises(RaggedRow) as caught:
        matrix([[1, 2], [3, 4], [5], [6, 7, 8]])
    assert (caught.value.row, caught.value.expected, caught.value.got) == (2, 2, 1)


def test_columns_for_a_prediction_are_read_by_the_same_helpers() -> None:
    """A body of another resource has the same types in it, and the same errors."""

    class Predict(json_rows.Strict):
        model_id: str
        columns: json_rows.Columns

    body = parse(Predict, b'{"model_id": "mdl_1", "columns": {"x": [1, 2]}}')
    assert json_rows.arrays(body.columns)["x"].to_pylist() == [1.0, 2.0]
    with pytest.raises(InvalidFields) as caught:
        parse(Predict, b'{"columns": {"x": [1, "2"]}}')
    assert dict(caught.value.errors) == {"/model_id": "field required", "/columns/x/1": 'expected a number, got "2"'}
