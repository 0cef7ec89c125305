"""Summation: rows in any pieces and any order, in either reading, and the same bits."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import NotFinite, OutOfRange, TooManyDigits
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.slicing.integers import binary_sums, decimal_sums
from service.solver.summation import Summation
from service.solver.units import with_constant_one
from tests.solver.exact_sums import exact_sums, names, values

Floats = NDArray[np.float64]
STATE = np.random.default_rng(0)
NORMAL = STATE.normal(size=(9000, 4))


def summed(pieces: list[Floats], numbers: Numbers = "float64", panel_rows: int = 512) -> Moments:
    summation = Summation(names(pieces[0].shape[1]), numbers, panel_rows)
    for piece in pieces:
        summation.add(piece)
    return summation.result()


def by_integers(rows: Floats, numbers: Numbers = "float64") -> Moments:
    """The same moments by the plain road, which is itself held against fractions."""
    columns = np.vstack([np.ones(len(rows)), rows.T])
    sums = with_constant_one(binary_sums(columns), 2) if numbers == "float64" else decimal_sums(columns)
    return Moments.from_sums(sums, names(rows.shape[1]), numbers)


def decimals(rows: Floats, digits: int = 12) -> Floats:
    """Rows rounded to so many significant digits."""
    return np.array([[float(f"{x:.{digits - 1}e}") for x in row] for row in rows.tolist()])


CASES: dict[str, Callable[[], Floats]] = {
    "doubles": lambda: NORMAL,
    "wide doubles": lambda: np.exp(12 * NORMAL),
    "very wide doubles": lambda: np.exp(80 * NORMAL.clip(-3.5, 3.5)),
    "integers": lambda: np.round(1000 * NORMAL),
    "zeros of both signs": lambda: np.where(NORMAL > 1, 1.0, NORMAL * 0.0),
    "a time": lambda: np.cumsum(np.ones((9000, 2)), axis=0) * [1.0, 1e-9],
    "a column of zeros, then not": lambda: np.vstack([NORMAL * [1, 1, 1, 0], NORMAL]),
    "other units half way": lambda: np.vstack([NORMAL, NORMAL * 1e60, NORMAL * 1e-60]),
}
DECIMAL_CASES: dict[str, Callable[[], Floats]] = {
    "prices": lambda: np.round(NORMAL, 2),
    "integers, then thousandths": lambda: np.vstack([np.round(NORMAL), np.round(NORMAL, 3)]),
    "places that differ by column": lambda: np.column_stack([np.round(NORMAL[:, j], 4 * j) for j in range(4)]),
    "billions of billions": lambda: np.round(NORMAL * 1e4) * 1e20,
    "a few odd rows": lambda: decimals(NORMAL * np.where(NORMAL > 3, 1e-20, 1.0)),
    "mostly odd rows": lambda: decimals(NORMAL * 10.0 ** np.round(8 * NORMAL[:, ::-1])[:, :4])[:2500],
    "other sizes half way": lambda: np.vstack([np.round(NORMAL * 100) * 1e15, np.round(NORMAL, 2)]),
    "fifteen digits": lambda: decimals(NORMAL, 15),
    "the smallest": lambda: decimals(NORMAL * 1e-100, 3)[:300],
}


@pytest.mark.parametrize("rows", [case() for case in CASES.values()], ids=CASES.keys())
def test_sums_of_doubles_are_exact_whatever_they_are(rows: Floats) -> None:
    """Slices, odd rows and integers, alignments chosen anew: all give the plain sums."""
    assert summed([rows]).digest() == by_integers(rows).digest()


@pytest.mark.parametrize("rows", [case() for case in DECIMAL_CASES.values()], ids=DECIMAL_CASES.keys())
def test_sums_of_decimals_are_exact_whatever_they_are(rows: Floats) -> None:
    """Places that grow or are chosen anew, and rows that no places fit."""
    assert summed([rows], "decimal").digest() == by_integers(rows, "decimal").digest()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_sums_are_those_of_fractions(numbers: Numbers) -> None:
    """The fast way against the standard library, not only against our own integers."""
    rows = np.round(NORMAL[:400, :2], 3) * [1.0, 1e3]
    rows[::50, 0] *= 1e-9
    rows = decimals(rows)

    assert values(summed([rows], numbers)) == exact_sums(rows, numbers)


@settings(max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 5000), max_size=6),
    order=st.integers(0, 2**32 - 1),
    numbers=st.sampled_from(["float64", "decimal"]),
)
def test_how_rows_are_cut_and_ordered_does_not_change_a_bit(cuts: list[int], order: int, numbers: Numbers) -> None:
    """Pieces are an accident of transport, and sums do not know an order."""
    rows = np.round(NORMAL[:5000, :2] * [1, 1e6], 4)
    rows[::97] = np.round(rows[::97] * 1e5)
    rows[::89, 0] = 0.1
    shuffled = np.random.default_rng(order).permutation(rows)

    pieces = np.split(shuffled, sorted(cuts))

    assert summed(pieces, numbers).digest() == summed([rows], numbers).digest()


def test_moments_of_pieces_add_up_to_the_moments_of_the_whole() -> None:
    """Workers may each sum a part."""
    parts = [Moments.of(part, names(4)) for part in np.split(NORMAL, [1, 200, 1000])]

    assert sum(parts, start=Moments.empty(names(4))).digest() == summed([NORMAL]).digest()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_rows_may_be_added_after_a_result(numbers: Numbers) -> None:
    """A result is a value of its own; the summation goes on."""
    rows = np.round(NORMAL, 3)
    summation = Summation(names(4), numbers)
    assert summation.result().digest() == Moments.empty(names(4), numbers).digest()

    summation.add(rows[:3000])
    first = summation.result()
    summation.add(rows[3000:])

    assert first.digest() == by_integers(rows[:3000], numbers).digest()
    assert summation.result().digest() == by_integers(rows, numbers).digest()
    assert summation.n_samples == summation.result().n_samples == 9000


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("panel_rows", [1, 10])
def test_panels_of_columns_do_not_change_a_bit(panel_rows: int, numbers: Numbers) -> None:
    """Wide blocks are multiplied a panel at a time, so that memory stays bounded; the sums are the same."""
    rows = np.hstack([np.round(NORMAL, 3), np.round(NORMAL * 1e6), np.zeros((9000, 1))])[:2500]

    assert summed([rows], numbers, panel_rows).digest() == by_integers(rows, numbers).digest()


@pytest.mark.parametrize("order", ["C", "F"])
def test_any_layout_of_a_block_will_do(order: str) -> None:
    """Rows by rows or column by column, in steps or backwards."""
    rows = np.asarray(NORMAL, order="F" if order == "F" else "C")[::-2]

    assert summed([rows]).digest() == by_integers(rows.copy()).digest()


@pytest.mark.parametrize(
    ("value", "numbers", "error"),
    [
        (np.nan, "float64", NotFinite),
        (np.inf, "decimal", NotFinite),
        (1e-160, "float64", OutOfRange),
        (1e160, "decimal", OutOfRange),
        (1e-160, "decimal", OutOfRange),
        (1 / 3, "decimal", TooManyDigits),
    ],
)
@pytest.mark.parametrize("row", [0, 150, 2500, 8999])
def test_an_unreadable_value_is_named_by_its_row_in_the_whole(
    value: float, numbers: Numbers, error: type[NotFinite | OutOfRange | TooManyDigits], row: int
) -> None:
    """Rows are counted from the first ever added, whatever the pieces."""
    rows = np.round(NORMAL, 3)
    rows[row, 2] = value

    with pytest.raises(error) as caught:
        summed(np.array_split(rows, 7), numbers)

    assert (caught.value.row, caught.value.column) == (row, "x3")


def test_no_columns_have_only_a_number_of_rows() -> None:
    """Nothing to sum is not an error."""
    assert summed([np.empty((3000, 0))]).n_samples == Moments.of(np.empty((3000, 0)), []).n_samples == 3000
