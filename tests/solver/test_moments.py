"""Moments: exact, a commutative group, and a value."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import ColumnMismatch, NotContained, ReadingMismatch, UnknownColumn
from service.solver.moments import Moments
from service.solver.reading import Numbers
from tests.solver.exact_sums import exact_sums, names, values

magnitudes = st.floats(1e-150, 1e150) | st.sampled_from([1e150, 1e-150, 0.1, 1.0, 3.0])
doubles = st.just(0.0) | st.just(-0.0) | st.builds(lambda x, sign: sign * x, magnitudes, st.sampled_from([1, -1]))
decimals = st.builds(lambda k, d: float(f"{k}e{-d}"), st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-20, 30))
prices = st.builds(lambda k: k / 100, st.integers(-(10**6), 10**6))


def rows_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[NDArray[np.float64]]:
    """(n, q) rows, 0 <= n <= 12, 1 <= q <= 3."""
    return st.integers(1, 3).flatmap(
        lambda q: st.lists(st.lists(numbers, min_size=q, max_size=q), max_size=12).map(
            lambda rows: np.array(rows, np.float64).reshape(-1, q)
        )
    )


@given(rows=rows_of(doubles))
def test_moments_are_the_sums_of_products(rows: NDArray[np.float64]) -> None:
    """Of doubles as they are, whatever their magnitudes: not a bit is lost."""
    assert values(Moments.of(rows, names(rows.shape[1]))) == exact_sums(rows)


@given(rows=rows_of(decimals | prices))
def test_moments_of_decimals_are_the_sums_of_products_of_the_decimals(rows: NDArray[np.float64]) -> None:
    """0.1 is one tenth."""
    assert values(Moments.of(rows, names(rows.shape[1]), "decimal")) == exact_sums(rows, "decimal")


@given(rows=rows_of(prices), other=rows_of(decimals), numbers=st.sampled_from(["float64", "decimal"]))
def test_what_is_added_can_be_taken_away_again(
    rows: NDArray[np.float64], other: NDArray[np.float64], numbers: Numbers
) -> None:
    """Taking away undoes adding: a + b - b is a, to the bit, and a - a is empty: rows forgotten are as if they had never been there."""
    columns = names(1)
    a, b = Moments.of(rows[:, :1], columns, numbers), Moments.of(other[:, :1], columns, numbers)

    assert (a + b - b).digest() == a.digest()
    assert (a + b).digest() == (b + a).digest()
    assert (a - a).digest() == Moments.empty(columns, numbers).digest()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_empty_changes_nothing(numbers: Numbers) -> None:
    """The moments of no rows are the identity, so a fold over blocks needs no special case."""
    a = Moments.of(np.array([[1e20, 0.5], [3e20, 1.5]]), ["x", "y"], numbers)
    empty = Moments.empty(["x", "y"], numbers)

    assert (a + empty).digest() == (empty + a).digest() == (a - empty).digest() == a.digest()
    assert (empty + a).units == a.units
    assert empty.digest() == Moments.of(np.empty((0, 2)), ["x", "y"], numbers).digest()
    assert empty.n_samples == 0


def test_the_digest_does_not_depend_on_units() -> None:
    """Units say how a sum came about; the digest says what it is."""
    halves = Moments.of(np.array([[0.5], [1.5]]), ["x"])
    eighth = Moments.of(np.array([[0.125]]), ["x"])

    fine = halves + eighth - eighth

    assert fine.units != halves.units
    assert fine.digest() == halves.digest()


@pytest.mark.parametrize(
    "other",
    [
        Moments.of(np.array([[2.0]]), ["x"]),
        Moments.of(np.array([[1.0]]), ["y"]),
        Moments.of(np.array([[1.0]]), ["x"], "decimal"),
        Moments.of(np.array([[-1.0]]), ["x"]),
        Moments.of(np.array([[1.0, 1.0]]), ["x", "y"]),
    ],
    ids=["value", "name", "reading", "sign", "column"],
)
def test_the_digest_tells_moments_apart(other: Moments) -> None:
    """Other values, names or readings are other moments."""
    assert other.digest() != Moments.of(np.array([[1.0]]), ["x"]).digest()


def test_minus_zero_is_zero() -> None:
    """The two zeros are one number."""
    assert Moments.of(np.array([[-0.0]]), ["x"]).digest() == Moments.of(np.array([[0.0]]), ["x"]).digest()


@settings(max_examples=30)
@given(rows=rows_of(doubles), data=st.data())
def test_a_selection_has_the_moments_of_its_columns(rows: NDArray[np.float64], data: st.DataObject) -> None:
    """Any columns in any order: one pass serves every choice of target and features."""
    columns = names(rows.shape[1])
    chosen = data.draw(st.permutations(range(len(columns))))[: data.draw(st.integers(0, len(columns)))]

    selected = Moments.of(rows, columns).select([columns[j] for j in chosen])

    assert selected.digest() == Moments.of(rows[:, chosen], [columns[j] for j in chosen]).digest()


def test_an_unknown_column_is_an_error_that_names_it() -> None:
    """What does not exist is not silently left out."""
    with pytest.raises(UnknownColumn) as caught:
        Moments.empty(["x", "y"]).select(["y", "z"])

    assert caught.value.column == "z"


def test_moments_of_other_columns_or_readings_do_not_mix() -> None:
    """Names, their order and the reading must agree."""
    x = Moments.empty(["x", "y"])
    with pytest.raises(ColumnMismatch):
        x + Moments.empty(["y", "x"])
    with pytest.raises(ReadingMismatch):
        x - Moments.empty(["x", "y"], "decimal")


def test_weighted_moments_are_joined_in_the_finer_unit_of_the_weights() -> None:
    """Halves and eighths of a row: the sums are of the weights, and the digest does not know their unit."""
    halves = replace(Moments.of(np.array([[3.0]]), ["x"]), weighted_rows=1, weight_unit=1)
    eighths = replace(Moments.of(np.array([[5.0]]), ["x"]), weighted_rows=1, weight_unit=3)

    both = halves + eighths

    assert both.total == 4 + 1
    assert (both.weight_unit, both.n_samples) == (3, 2)
    assert both.sums[0, 1] == 4 * 3 + 5
    assert (both - eighths).digest() == halves.digest()
    assert both.select(["x"]).digest() == both.digest()
    assert both.select([]).n_samples == 2


def test_more_rows_than_there_are_cannot_be_taken_away() -> None:
    """A negative number of rows has no meaning."""
    one, two = (Moments.of(np.ones((n, 1)), ["x"]) for n in (1, 2))
    with pytest.raises(NotContained):
        one - two


def test_a_block_of_the_wrong_shape_is_an_error() -> None:
    """A column too many is not summed under the wrong name."""
    with pytest.raises(ValueError, match="shape"):
        Moments.of(np.ones((3, 2)), ["x"])
