"""Numbers read apart from Pydantic: the same bits and the same errors as Pydantic alone, on the same text."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from service.ingest.errors import IngestError, InvalidFields, RaggedRow
from service.ingest.json_rows import (
    MOST_VALUES,
    Columns,
    Matrix,
    Numbers,
    RowsBody,
    Strict,
    arrays,
    from_matrix,
    matrix,
    parse,
)

ALONE = 1 << 40


class Rows(Strict):
    """What any of the bodies has."""

    X: Matrix | None = None
    y: Numbers | None = None
    weights: Numbers | None = None
    columns: Columns | None = None
    name: str | None = None
    feature_names: list[str] | None = None


def outcome(body: bytes, long_bytes: int, part_bytes: int = 64) -> Any:
    """All that can be told of a body from outside, to the bit."""
    try:
        found = parse(Rows, body, long_bytes, part_bytes)
        X = None if found.X is None else matrix(found.X)
        columns = None if found.columns is None else arrays(found.columns)
    except IngestError as error:
        return type(error), str(error)
    return (
        None if X is None else (X.shape, bits(X.ravel())),
        bits(found.y),
        bits(found.weights),
        None if columns is None else [(name, array.type, shown(array.to_pylist())) for name, array in columns.items()],
        found.name,
        found.feature_names,
        found.model_fields_set,
    )


def bits(values: Any) -> list[str] | None:
    return None if values is None else shown([None if value is None or math.isnan(value) else value for value in values])


def shown(values: list[Any]) -> list[str]:
    return [float(value).hex() if isinstance(value, float) else repr(value) for value in values]


def same(body: bytes) -> None:
    assert outcome(body, 0) == outcome(body, ALONE)


def is_array(values: Any) -> bool:
    return isinstance(values, np.ndarray)


def is_apart(body: bytes) -> bool:
    return is_array(parse(Rows, body, 0, 64).y)


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.25e}"),
    st.integers().map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "0", "-0.0", "5e-324", "2e-324", "1e-400", "1.7976931348623157e308", "1.7976931348623159e308"]),
    st.sampled_from([str(2**53 + 1), str(2**63), str(2**64 + 1), str(10**25), str(10**400), "1e400", "-1e400", "null"]),
)
ODD = st.sampled_from(
    [
        "true",
        "false",
        '"a"',
        '"]"',
        "NaN",
        "Infinity",
        "-Infinity",
        "[1]",
        "[]",
        "{}",
        "",
        "01",
        "1.",
        ".5",
        "+1",
        "-",
        "1e",
        "nul",
        "1 2",
    ]
)
SPACE = st.sampled_from(["", "", "", "", " ", "\n", "\t\r ", "  "])
CELLS = st.lists(NUMBERS, max_size=12)


@st.composite
def listed(draw: st.DrawFn, items: list[str]) -> str:
    """A list as text, with space wherever there may be some, and seldom a comma or a bracket too many or too few."""
    s = [draw(SPACE) for _ in range(4)]
    text = f"[{s[0]}" + f"{s[1]},{s[2]}".join(items) + f"{s[3]}]"
    if draw(st.integers(0, 30)) == 0:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from([",", "[", "]", "\x00", "\ufeff", "}", '"'])) + text[at:]
    return text


@st.composite
def vectors(draw: st.DrawFn) -> str:
    cells = draw(CELLS)
    if draw(st.integers(0, 9)) == 0:
        cells.insert(draw(st.integers(0, len(cells))), draw(ODD))
    return draw(listed(cells))


@st.composite
def matrices(draw: st.DrawFn) -> str:
    width = draw(st.integers(0, 4))
    rows = draw(st.lists(st.lists(NUMBERS, min_size=width, max_size=width), max_size=9))
    if rows and draw(st.integers(0, 5)) == 0:
        row = draw(st.sampled_from(rows))
        row.insert(draw(st.integers(0, len(row))), draw(ODD | NUMBERS))
    return draw(listed([draw(listed(row)) for row in rows]))


VALUES = {
    "X": matrices(),
    "y": vectors(),
    "weights": vectors(),
    "name": st.sampled_from(['"n"', '"a\\"], [1"', "null", "1"]),
    "feature_names": st.sampled_from(['["a", "b"]', "[]", '["[1,2]"]', "[1]"]),
}
NAMES = st.sampled_from(['"a"', '"b c"', '"\\u00e9"', '"é"', '"q\\"["', '"a"'])
COLUMNS = st.one_of(
    vectors(), vectors(), st.sampled_from(['["u", null]', "[true, null]", "[null, null, true]", '["]", "}"]', "1"])
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Bodies of all fields in any order, most of them right."""

    def of(members: list[tuple[str, str]]) -> str:
        s = [draw(SPACE) for _ in range(4)]
        return f"{{{s[0]}" + f"{s[1]},{s[2]}".join(f"{key}{s[3]}:{s[0]}{value}" for key, value in members) + f"{s[3]}}}"

    names = draw(st.lists(st.sampled_from([*VALUES, "X", "y"]), max_size=5, unique=draw(st.integers(0, 9)) > 0))
    members = [(f'"{name}"', draw(VALUES[name])) for name in names]
    if draw(st.booleans()):
        columns = draw(st.lists(st.tuples(NAMES, COLUMNS), max_size=5, unique_by=lambda one: one[0]))
        members.insert(draw(st.integers(0, len(members))), ('"columns"', of(columns)))
    return (draw(SPACE) + of(members) + draw(st.sampled_from(["", "", "\n", "x", "}"]))).encode()


@given(body=bodies())
@example(body=b'{"X": [[1,2],[3]], "y": [1,2]}')
@example(body=b'{"X": [[5],[]], "y": [1]}')
@example(body=b'{"X": [[[1,2],3,4],5,[6]], "y": [1]}')
@example(body=b'{"X": [[1],[2]],[[3]], "y": [1]}')
@example(body=b'{"X": [[1]], "X": null}')
@example(body=b'{"y": [1], "\\u0079": [2]}')
@example(body=b'{"y": [1,2,]}')
@example(body=b'{"columns": {"a": [1], "a": []}}')
@example(body=b'{"y": [1], "name": "\xff"}')
@example(body=b'\xef\xbb\xbf{"y": [1]}')
def test_numbers_read_apart_are_those_that_pydantic_reads(body: bytes) -> None:
    """Values to the bit, what was sent and what was not, and every error with its words and its place."""
    same(body)


@given(texts=st.lists(NUMBERS.filter(lambda text: text != "null"), min_size=1))
def test_numbers_are_rounded_as_python_rounds_them(texts: list[str]) -> None:
    """However many digits, and however small or large."""
    values = [float(text) for text in texts]
    assume(np.isfinite(values).all())

    found = parse(Rows, f'{{"y": [{",".join(texts)}]}}'.encode(), 0)

    assert is_array(found.y)
    assert found.y is not None
    assert np.array_equal(np.asarray(found.y, np.float64), values)


WHOLE = b'{"name": "n", "X": [[1, -2.5e3], [null, 4]] , "columns": {"a": [1, 2], "t": ["x", "]"]}, "y": [5, 6]}'


@pytest.mark.parametrize("n", range(len(WHOLE) + 1))
def test_a_body_that_is_cut_off_or_has_a_byte_changed_is_refused_as_pydantic_refuses_it(n: int) -> None:
    """At every byte."""
    same(WHOLE[:n])
    for other in (b",", b"]", b" ", b"0", b'"', b"\xff", b"\\"):
        same(WHOLE[:n] + other + WHOLE[n + 1 :])


class Stream:
    """A body that comes in pieces."""

    def __init__(self, body: bytes, size: int) -> None:
        self.body, self.at, self.size = body, 0, size

    def read(self, size: int, /) -> bytes:
        start, self.at = self.at, self.at + min(size, self.size)
        return self.body[start : self.at]


@pytest.mark.parametrize("size", [1 << 16, 99_991, 1 << 21])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_long_body_is_the_same_however_it_comes(size: int, indent: int | None) -> None:
    """Missing cells, large integers, text and booleans among the columns, and a body of many windows."""
    cells = np.random.default_rng(0).normal(size=(30_000, 3)).tolist()
    cells[20_000][1] = None
    cells[25_000][2] = 10**25
    flags = [i % 3 == 0 for i in range(30_000)]
    sent = {
        "name": "n",
        "columns": {"a": [row[0] for row in cells], "t": [']\\"}' for _ in cells], "b": flags, "c": [row[1] for row in cells]},
    }
    body = json.dumps(sent | {"X": cells, "y": [row[2] for row in cells]}, indent=indent).encode()

    found = parse(Rows, Stream(body, size))

    assert is_array(found.X)
    assert found.X is not None
    assert matrix(found.X).tobytes() == np.array(cells, np.float64).tobytes()
    assert found.columns is not None
    assert {name: array.to_pylist() for name, array in arrays(found.columns).items()} == sent["columns"]
    assert outcome(body, 0, 1 << 12) == outcome(body, ALONE)


def test_arrays_of_numbers_are_lifted_whatever_stands_beside_them() -> None:
    """Else the promises above would hold of nothing."""
    assert is_apart(b'{"name": "n", "y": [1,2]}')
    assert is_apart(b'{"columns": {"t": ["a"], "b": [true], "x": [1]}, "y": [1,null]}')
    assert is_apart(b'{"X": [[1]], "feature_names": ["a"], "y" : [ 10000000000000000000000000 ] }')


@pytest.mark.parametrize("n", range(1, 60))
def test_arrays_of_any_length_are_lifted(n: int) -> None:
    """Wherever they end in what is looked at together, and whatever comes next."""
    numbers, rows = json.dumps([0.5] * n), json.dumps([[0.5, 1]] * n)
    body = f'{{"X": {rows}, "columns": {{"a": {numbers},"b":{numbers}}}, "weights": {numbers}, "y": {numbers}}}'.encode()

    found = parse(Rows, body, 0, 64)

    assert all(is_array(values) for values in (found.X, found.y, found.weights, *(found.columns or {}).values()))
    same(body)


@pytest.mark.parametrize("bad", ["true", "[1]", '"a"', "1e400", "1,,2"])
def test_what_is_no_number_late_in_a_stream_is_refused_as_elsewhere(bad: str) -> None:
    """When what was before it has been read and let go of."""
    body = f'{{"name": "n", "columns": {{"a": [{"0.25, " * 400_000}{bad}, 2], "b": [1]}}}}'.encode()

    with pytest.raises(IngestError) as alone:
        parse(Rows, body, ALONE)
    with pytest.raises(IngestError) as apart:
        parse(Rows, Stream(body, 1 << 16))
    assert (type(apart.value), str(apart.value)) == (type(alone.value), str(alone.value))


def test_missing_cells_of_arrays_are_nulls() -> None:
    """NaN in an array is a null of the column, and there is no bitmap of them where nothing is missing."""
    found = parse(Rows, b'{"X": [[1,null],[2,3]], "y": [null,4]}', 0)

    assert found.X is not None
    assert found.y is not None
    batch = from_matrix(found.X, found.y)

    assert batch.to_pydict() == {"x1": [1.0, 2.0], "x2": [None, 3.0], "y": [None, 4.0]}
    assert batch["x1"].buffers()[0] is None


def test_ragged_rows_are_named_where_they_are() -> None:
    """In a part of the body that is not the first, as in any other."""
    rows = [[i, i + 1] for i in range(500)]
    rows[400] = [1, 2, 3]
    body = json.dumps({"X": rows, "y": []}).encode()

    assert outcome(body, 0) == outcome(body, ALONE) == (RaggedRow, "row 400 has 3 values, expected 2 as in the rows before it")


@pytest.mark.parametrize("inside", [b"[],", b"1,", b'"a",'])
def test_what_is_read_value_by_value_is_bounded(inside: bytes) -> None:
    """Promise: a body takes memory by its limit and not 46 times as much, which ended the process where there was less."""
    many = b'{"nobody": [' + inside * MOST_VALUES + b"0]}"

    with pytest.raises(InvalidFields, match="more than 4000000 values"):
        parse(RowsBody, many)


def test_numbers_are_not_what_is_bounded_by_their_number() -> None:
    """Numbers that are read apart are as many as the body holds."""
    n_rows = MOST_VALUES // 2
    body = b'{"columns": {"x": [' + b"1," * n_rows + b'1], "y": [' + b"2," * n_rows + b"2]}}"

    assert parse(RowsBody, body).columns is not None
