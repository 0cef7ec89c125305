"""Moments as text: exact, the same for the same rows, and refused where no rows have such sums."""

from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.errors import NotMoments
from service.solver.exchange import MOST_DIGITS, exchanged, moments_from
from service.solver.moments import Moments
from service.solver.reading import Numbers

COLUMNS = ("x", "y")
LINE = [["3", "6", "9"], ["14", "20"], ["29"]]  # of the rows (1, 2), (2, 3), (3, 4)


def rows(numbers: Numbers, n_rows: int = 60, n_columns: int = 3, seed: int = 0) -> NDArray[np.float64]:
    """Columns of scales far apart, and a computed one: offsets, small numbers and large ones."""
    rng = np.random.default_rng(seed)
    drawn: NDArray[np.float64] = rng.normal(size=(n_rows, n_columns)) * 10.0 ** rng.integers(-6, 7, n_columns)
    drawn[:, 0] += 1.5e9
    if numbers == "decimal":
        drawn = drawn.round(4)
    return drawn


def plain_decimals(values: NDArray[np.float64]) -> list[list[str]]:
    """The upper triangle of the sums, by the standard library's decimals."""
    getcontext().prec = 200
    table = [[Decimal(1), *(Decimal(repr(value)) for value in row)] for row in values.tolist()]
    side = len(table[0])
    return [[str(sum((row[i] * row[j] for row in table), Decimal(0))) for j in range(i, side)] for i in range(side)]


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
def test_what_goes_out_comes_back(numbers: Numbers) -> None:
    """Text out, moments in: the same values, and then the same text again."""
    moments = Moments.of(rows(numbers), "abc", numbers)
    text = exchanged(moments)

    back = moments_from("abc", text.sums, numbers, text.places, n_samples=60)

    assert back.digest() == moments.digest()
    assert exchanged(back) == text


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
@pytest.mark.parametrize("cuts", [(1,), (7, 20, 21), (59,)])
def test_the_same_rows_give_the_same_text(numbers: Numbers, cuts: tuple[int, ...]) -> None:
    """However they were cut and in whatever order they came, and after other rows came and went: not a character differs."""
    values = rows(numbers)
    stranger = Moments.of(rows(numbers, 9, seed=1) * 2.0**-7, "abc", "float64") if numbers == "float64" else None

    parts = [Moments.of(part, "abc", numbers) for part in np.split(values[::-1], cuts)]
    summed = sum(parts, start=Moments.empty("abc", numbers))
    summed = summed + stranger - stranger if stranger is not None else summed

    assert exchanged(summed) == exchanged(Moments.of(values, "abc", numbers))


def test_columns_of_integers_have_no_places() -> None:
    """Readable: counts are integers as they are, whatever zeros their sums end in, and three decimals are three places."""
    values = np.column_stack([np.full(100, 10.0), np.arange(100) * 0.125 + 0.001, np.zeros(100)])

    text = exchanged(Moments.of(values, "abc", "decimal"))

    assert text.places == (0, 3, 0)
    assert text.sums[0] == ["100", "1000", "618850", "0"]
    assert text.sums[1][0] == "10000"
    assert text.sums[3] == ["0"]


@pytest.mark.parametrize(("numbers", "extremes"), [("decimal", [1e-150, 1e150, 3e-7]), ("float64", [1e-150, 1e150, 1 / 3])])
def test_the_extremes_that_rows_may_have_go_out_and_back(numbers: Numbers, extremes: list[float]) -> None:
    """No data set that can be taken in has moments that cannot: the limits on places and digits hold the largest."""
    moments = Moments.of(np.array([extremes, extremes[::-1], [0.0, 1.0, -1.0], [2.0, 3.0, 5.0]]), "abc", numbers)
    text = exchanged(moments)

    assert moments_from("abc", text.sums, numbers, text.places).digest() == moments.digest()


def test_plain_decimals_are_read_exactly() -> None:
    """Sums that a database made of NUMERIC are those of the rows, read as decimals."""
    values = rows("decimal")

    made = moments_from("abc", plain_decimals(values))

    assert made.digest() == Moments.of(values, "abc", "decimal").digest()
    assert exchanged(made) == exchanged(Moments.of(values, "abc", "decimal"))


@pytest.mark.parametrize("two", ["2", 2, "+2", "2.", "2.000", "20e-1", "0.2E+1", "0002"])
def test_a_number_may_be_written_in_many_ways(two: object) -> None:
    """Text with a point, zeros, an exponent or a sign, and JSON integers: one value."""
    sums: list[list[object]] = [[two, 4], [10]]

    assert moments_from(["x"], sums).digest() == Moments.of(np.array([[1.0], [3.0]]), ["x"], "decimal").digest()


def test_the_whole_matrix_is_taken_as_well_as_its_upper_triangle() -> None:
    """Which of the two it is shows in its shape."""
    whole = [["3", "6", "9"], ["6", "14", "20"], ["9", "20.0", "29"]]

    assert moments_from(COLUMNS, whole).digest() == moments_from(COLUMNS, LINE).digest()


def test_three_sites_add_up_to_the_whole() -> None:
    """Text from each, added exactly: the moments of rows that never met."""
    values = rows("float64")
    texts = [exchanged(Moments.of(part, "abc")) for part in np.split(values, [10, 35])]

    total = sum((moments_from("abc", text.sums, "float64", text.places) for text in texts), start=Moments.empty("abc"))

    assert total.digest() == Moments.of(values, "abc").digest()


Sent = dict[str, Any]

FORMS: dict[str, tuple[Sent, tuple[str | int, ...], str]] = {
    "a float": ({"sums": [["3", 6.0, "9"], *LINE[1:]]}, ("sums", 0, 1), "rounds"),
    "NaN": ({"sums": [["3", float("nan"), "9"], *LINE[1:]]}, ("sums", 0, 1), "rounds"),
    "a boolean": ({"sums": [["3", True, "9"], *LINE[1:]]}, ("sums", 0, 1), "got true"),
    "null": ({"sums": [["3", None, "9"], *LINE[1:]]}, ("sums", 0, 1), "got null"),
    "a word": ({"sums": [["3", "six", "9"], *LINE[1:]]}, ("sums", 0, 1), "'six'"),
    "an empty text": ({"sums": [["3", "", "9"], *LINE[1:]]}, ("sums", 0, 1), "''"),
    "digits of another script": ({"sums": [["3", "٦", "9"], *LINE[1:]]}, ("sums", 0, 1), "as text"),
    "a sum of too many digits": ({"sums": [["3", "9" * (MOST_DIGITS + 1), "9"], *LINE[1:]]}, ("sums", 0, 1), "1024 digits"),
    "an integer of too many": ({"sums": [["3", 10**MOST_DIGITS, "9"], *LINE[1:]]}, ("sums", 0, 1), "1024 digits"),
    "too large an exponent": ({"sums": [["3", "1e9999", "9"], *LINE[1:]]}, ("sums", 0, 1), "1024 digits"),
    "a point with places": (
        {"sums": [["3", "6.5", "9"], *LINE[1:]], "places": [0, 0], "numbers": "decimal"}, ("sums", 0, 1), "expected an integer"
    ),
    "too few rows of sums": ({"sums": LINE[:2]}, ("sums",), "expected 3 rows"),
    "a lower triangle": ({"sums": [["3"], ["6", "14"], ["9", "20", "29"]]}, ("sums", 0), "expected 3"),
    "a ragged row": ({"sums": [LINE[0], ["14"], ["29"]]}, ("sums", 1), "expected 2"),
    "a matrix that is not symmetric": (
        {"sums": [["3", "6", "9"], ["6", "14", "20"], ["9", "21", "29"]]}, ("sums", 2, 1), "not symmetric"
    ),
    "no rows": ({"sums": [["0", "0", "0"], ["0", "0"], ["0"]]}, ("sums", 0, 0), "number of rows"),
    "less than no rows": ({"sums": [["-3", "6", "9"], *LINE[1:]]}, ("sums", 0, 0), "number of rows"),
    "half a row": ({"sums": [["3.5", "6", "9"], *LINE[1:]]}, ("sums", 0, 0), "number of rows"),
    "more rows than can be counted": ({"sums": [[str(2**63), "6", "9"], *LINE[1:]]}, ("sums", 0, 0), "number of rows"),
    "another number of rows": ({"n_samples": 4}, ("n_samples",), "n_samples is 4"),
    "places and no reading": ({"places": [0, 0]}, ("numbers",), "say what a number means"),
    "doubles without places": ({"numbers": "float64"}, ("numbers",), "places"),
    "too few places": ({"places": [0], "numbers": "decimal"}, ("places",), "expected 2 places"),
    "places beyond all numbers": ({"places": [0, 10**9], "numbers": "decimal"}, ("places", 1), "limit"),
    "a negative square": ({"sums": [["3", "0", "9"], ["-1", "20"], ["29"]]}, ("sums", 1), "'x'"),
    "a negative variance": ({"sums": [["3", "6", "9"], ["11", "20"], ["29"]]}, ("sums", 1), "'x'"),
    "squares of no number": ({"sums": [["3", "0", "0"], ["1e302", "0"], ["29"]]}, ("sums", 1), "1e+150"),
    "a square of no number": ({"sums": [["3", "0", "0"], ["1e-301", "0"], ["29"]]}, ("sums", 1), "1e-150"),
    "a correlation above 1": ({"sums": [["3", "6", "9"], ["14", "21"], ["29"]]}, ("sums",), "not positive semidefinite"),
    "zeros beside something": ({"sums": [["3", "0", "9"], ["0", "20"], ["29"]]}, ("sums",), "not positive semidefinite"),
    "a line that is off by the last digit": (
        {"sums": [["3", "6", "9"], ["14", "20." + "0" * 40 + "1"], ["29"]]}, ("sums",), "not positive semidefinite"
    ),
    "more columns that vary than rows": ({"sums": [["2", "0", "0"], ["2", "0"], ["2"]]}, ("sums",), "their rank"),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_what_no_rows_can_have_is_refused_with_its_place(case: str) -> None:
    """The first wrong thing is named, and where it is: nobody wants to look for it in half a million sums."""
    changes, place, said = FORMS[case]
    sent: Sent = {"columns": COLUMNS, "sums": LINE} | changes

    with pytest.raises(NotMoments) as refused:
        moments_from(**sent)

    assert refused.value.place == place
    assert said in str(refused.value)


def test_as_many_rows_as_the_rank_are_enough() -> None:
    """Two rows have one column that varies; one row has none: exactly what their number allows is taken."""
    for values in ([[1.0, 5.0], [2.0, 7.0]], [[4.0, 5.0]]):
        moments = Moments.of(np.array(values), COLUMNS, "decimal")
        text = exchanged(moments)
        assert moments_from(COLUMNS, text.sums, "decimal", text.places).digest() == moments.digest()


def test_a_wide_data_set_with_fewer_rows_than_columns_is_taken() -> None:
    """Its moments are singular by far; a unit off in one sum is found all the same."""
    values = np.random.default_rng(0).integers(-(10**6), 10**6, (70, 150)).astype(float)
    columns = [f"x{j}" for j in range(150)]
    moments = Moments.of(values, columns, "decimal")
    text = exchanged(moments)

    assert moments_from(columns, text.sums, "decimal", text.places).digest() == moments.digest()
    text.sums[3][5] = str(int(text.sums[3][5]) + 1)
    with pytest.raises(NotMoments, match="not positive semidefinite"):
        moments_from(columns, text.sums, "decimal", text.places)
