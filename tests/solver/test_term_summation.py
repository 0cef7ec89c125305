"""Sums of terms: exact products of the values as read, whatever they are, weighted or not, and the same bits each way."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import (
    BadWeight,
    NotFinite,
    OutOfRange,
    TooManyDigits,
    TooManySlices,
    UnreadableNumber,
    WeightMismatch,
)
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation, WeightType
from service.solver.terms import Base, Term, terms
from tests.solver.exact_sums import names
from tests.solver.exact_terms import exact_term_sums, made, summed, weighted_values

Floats = NDArray[np.float64]
STATE = np.random.default_rng(0)
NORMAL = STATE.normal(size=(2600, 4))
READINGS: list[Numbers] = ["float64", "decimal"]


def readable(rows: Floats, digits: int = 12) -> Floats:
    """Rows rounded to so many significant digits, so that both readings take them."""
    return np.array([[float(f"{x:.{digits - 1}e}") for x in row] for row in rows.tolist()]).reshape(rows.shape)


def with_weights(rows: Floats, weights: Floats) -> Floats:
    return np.column_stack([rows, weights])


CASES: dict[str, Callable[[], Floats]] = {
    "doubles": lambda: NORMAL[:300, :3],
    "thousandths": lambda: np.round(NORMAL[:300, :3], 3),
    "wide": lambda: readable(np.exp(6 * NORMAL[:300, :3])),
    "very wide": lambda: readable(np.exp(60 * NORMAL[:260, :3].clip(-3.5, 3.5)), 3),
    "a few rows": lambda: readable(NORMAL[:20, :3]),
    "zeros": lambda: np.where(NORMAL[:300, :3] > 0.5, 0.25, NORMAL[:300, :3] * 0.0),
    "a column of zeros": lambda: NORMAL[:300, :3].round(2) * [1, 0, 1],
    "a time": lambda: np.column_stack([1.5e9 + np.arange(300.0), np.arange(300) / 8, NORMAL[:300, 0].round(4)]),
    # 2**43 - 2**21 is 2**21 in the second digit and -2**21 in the first: sums come within a hair of 2**53.
    "digits as large as they come": lambda: np.append(np.full((2100, 3), 2.0**43 - 2.0**21), np.ones((1, 3)), axis=0),
    "few odd rows": lambda: readable(NORMAL[:300, :3] * np.where(NORMAL[:300, :3] > 2, 1e-30, 1.0)),
}


def numbers_of(rows: Floats) -> list[Numbers]:
    return READINGS if (readable(rows, 15) == rows).all() else ["float64"]


@pytest.mark.parametrize("rows", [case() for case in CASES.values()], ids=CASES.keys())
@pytest.mark.parametrize(("degree", "interactions"), [(1, True), (2, True), (3, False)])
def test_sums_of_terms_are_those_of_fractions(rows: Floats, degree: int, interactions: bool) -> None:
    """Slices, odd rows and integers: the products of the doubles, or of the decimals, and not a bit is lost."""
    of = made(2, degree, interactions)
    for numbers in numbers_of(rows):
        assert weighted_values(summed([rows], of, 2, numbers)) == exact_term_sums(rows, of, 2, numbers)


@pytest.mark.parametrize("numbers", READINGS)
def test_high_powers_and_products_of_many_columns_are_exact(numbers: Numbers) -> None:
    """Degree 10 of one column, and all products of three columns up to degree 4."""
    rows = readable(NORMAL[:220] * [1, 1e-4, 1e6, 1])

    for of, n_bases, block in ((made(1, 10), 1, rows[:, :2]), (made(3, 4, True)[-15:], 3, rows)):
        assert weighted_values(summed([block], of, n_bases, numbers)) == exact_term_sums(block, of, n_bases, numbers)


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("weight_type", ["precision", "frequency"])
@pytest.mark.parametrize("n", [40, 300])
def test_weighted_sums_are_those_of_fractions(numbers: Numbers, weight_type: WeightType, n: int) -> None:
    """Each product counts as often as its row's weight says; rows of weight 0 do not count."""
    weights = np.round(np.abs(NORMAL[:n, 3]) * 3, 0 if weight_type == "frequency" else 2)
    weights[::9] = 0.0
    rows = with_weights(readable(NORMAL[:n, :3]), weights)
    of = made(2, 2, True)

    moments = summed([rows], of, 2, numbers, weight_type)

    assert weighted_values(moments) == exact_term_sums(rows, of, 2, numbers, is_weighted=True)
    assert moments.n_samples == (int(weights.sum()) if weight_type == "frequency" else (weights > 0).sum())


any_numbers = st.builds(lambda k, e: float(f"{k}e{e}"), st.integers(-(10**15) + 1, 10**15 - 1), st.integers(-140, 130))


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(any_numbers, any_numbers, any_numbers.map(abs)), max_size=6), numbers=st.sampled_from(READINGS))
def test_any_numbers_have_exact_sums(rows: list[tuple[float, float, float]], numbers: Numbers) -> None:
    """Whatever magnitudes stand together."""
    block = np.array(rows, np.float64).reshape(-1, 3)
    of = made(1, 3)

    assert weighted_values(summed([block], of, 1, numbers, "precision")) == exact_term_sums(block, of, 1, numbers, True)


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("scale", [1.0, 2.0**70], ids=["small", "beyond 64 bits"])
@pytest.mark.parametrize("n", [100, 400])
def test_frequency_weights_are_as_repeated_rows(numbers: Numbers, n: int, scale: float) -> None:
    """A weight of 3 is three rows: the result is that of the rows written out, an ordinary one."""
    rows, weights = np.round(NORMAL[:n, :3], 3), np.round(np.abs(NORMAL[:n, 3]) * 2)
    of = made(2, 2, True)
    repeated = summed([np.repeat(rows, weights.astype(int), axis=0)], of, 2, numbers)
    if scale > 1:  # too many to write out: one row stands for the more
        if numbers == "decimal":
            scale = 1e21
        more = summed([np.append(rows[:1], [[scale]], axis=1)], of, 2, numbers, "frequency")
        repeated += more
        rows, weights = np.vstack([rows, rows[:1]]), np.append(weights, scale)

    moments = summed(np.array_split(with_weights(rows, weights), 3), of, 2, numbers, "frequency")

    assert moments.digest() == repeated.digest()
    assert moments.weighted_rows is None
    assert moments.weight_unit == 0


@settings(max_examples=12)
@given(
    cuts=st.lists(st.integers(0, 2600), max_size=5),
    order=st.integers(0, 2**32 - 1),
    numbers=st.sampled_from(READINGS),
    weight_type=st.sampled_from([None, "precision", "frequency"]),
)
def test_how_rows_are_cut_and_ordered_does_not_change_a_bit(
    cuts: list[int], order: int, numbers: Numbers, weight_type: WeightType | None
) -> None:
    """Pieces are an accident of transport, and sums do not know an order."""
    rows = np.round(NORMAL[:, :2] * [1, 1e4], 4)
    rows[::97] = np.round(rows[::97] * 1e5)
    rows[::89, 0] = 0.1
    if weight_type:
        rows = with_weights(rows, np.abs(NORMAL[:, 3]).round(0 if weight_type == "frequency" else 3))
    of = made(1, 3)
    whole = summed([rows], of, 1, numbers, weight_type)
    pieces = np.split(np.random.default_rng(order).permutation(rows), sorted(cuts))

    assert summed(pieces, of, 1, numbers, weight_type).digest() == whole.digest()
    parts = [summed([piece], of, 1, numbers, weight_type) for piece in pieces]
    assert sum(parts[1:], start=parts[0]).digest() == whole.digest()
    assert (whole - parts[0] + parts[0]).digest() == whole.digest()


@pytest.mark.parametrize("numbers", READINGS)
def test_values_that_change_their_size_half_way_keep_their_sums(numbers: Numbers) -> None:
    """Blocks outside the windows of those before: the windows are widened, or rows go by integers."""
    block = np.round(NORMAL[:2200, :2], 2)
    pieces = [block, block * 1024, block * 2.0**80 if numbers == "float64" else np.round(block * 1000), np.round(block, 1)]
    of = made(1, 2)

    by_integers = [summed([few], of, 1, numbers) for piece in pieces for few in np.array_split(piece, 22)]

    assert summed(pieces, of, 1, numbers).digest() == sum(by_integers[1:], start=by_integers[0]).digest()


@pytest.mark.parametrize("numbers", READINGS)
def test_terms_of_degree_one_are_the_columns(numbers: Numbers) -> None:
    """Both ways of summing give the same moments."""
    rows = np.round(NORMAL[:, :3], 3)
    summation = Summation([*names(2), "y"], numbers)
    summation.add(rows)

    assert summed([rows], made(2), 2, numbers).digest() == summation.result().digest()


@pytest.mark.parametrize("numbers", READINGS)
def test_filip_to_the_tenth_degree_is_exact(numbers: Numbers) -> None:
    """The hardest of NIST's sets: powers of 330 bits as decimals, of 550 as doubles, by integers and by slices."""
    sets = json.loads((Path(__file__).parent / "nist_strd.json").read_text())
    filip = sets["filip"]
    rows = np.array([[float(x[0]), float(y)] for x, y in zip(filip["x"], filip["y"], strict=True)])
    of = made(1, 10)
    expected = exact_term_sums(rows, of, 1, numbers)

    assert weighted_values(summed([rows], of, 1, numbers)) == expected
    many = weighted_values(summed([rows] * 30, of, 1, numbers))
    assert many == [[30 * value for value in row] for row in expected]


def test_one_hot_indicators_multiply_exactly() -> None:
    """A product with an indicator is the column where it is 1, and 0 elsewhere."""
    of = terms([Base("x"), Base("c=a", "c"), Base("c=b", "c")], 2, interactions=True)
    category = STATE.integers(0, 3, 300)
    rows = np.column_stack([NORMAL[:300, 0], category == 0, category == 1, NORMAL[:300, 1]]).astype(float)
    summation = TermSummation(["x", "c=a", "c=b"], of, "y", "float64")
    summation.add(rows)

    assert weighted_values(summation.result()) == exact_term_sums(rows, of, 3)


def test_terms_need_not_be_all_there_are() -> None:
    """A power stands alone if it is asked for alone."""
    of = (Term("x1^3*x2^2", ((0, 3), (1, 2))), Term("x2^4", ((1, 4),)))
    rows = NORMAL[:300, :3]

    assert weighted_values(summed([rows], of, 2)) == exact_term_sums(rows, of, 2)


@pytest.mark.parametrize("numbers", READINGS)
def test_rows_may_be_added_after_a_result(numbers: Numbers) -> None:
    """A result is a value of its own; the summation goes on."""
    rows, of = np.round(NORMAL[:, :2], 3), made(1, 3)
    summation = TermSummation(["x1"], of, "y", numbers)
    empty = summation.result()
    summation.add(rows[:900])
    first = summation.result()
    summation.add(rows[900:])

    assert empty.digest() == Moments.empty([*(term.name for term in of), "y"], numbers).digest()
    assert first.digest() == summed([rows[:900]], of, 1, numbers).digest()
    assert summation.result().digest() == summed([rows], of, 1, numbers).digest()
    assert summation.n_samples == summation.result().n_samples == 2600


@pytest.mark.parametrize(("value", "error"), [(np.nan, NotFinite), (1e-160, OutOfRange), (1 / 3, TooManyDigits)])
@pytest.mark.parametrize("row", [0, 150, 2590])
def test_an_unreadable_value_is_named_by_its_row_in_the_whole(value: float, error: type[UnreadableNumber], row: int) -> None:
    """Rows are counted from the first ever added, whatever the pieces."""
    rows = np.round(NORMAL[:, :3], 3)
    rows[row, 1] = value

    with pytest.raises(error) as caught:
        summed(np.array_split(rows, 7), made(2, 2), 2, "decimal")

    assert (caught.value.row, caught.value.column) == (row, "x2")


@pytest.mark.parametrize(
    ("weight", "weight_type", "error"),
    [
        (-1.0, "precision", BadWeight),
        (-1.0, "frequency", BadWeight),
        (1.5, "frequency", BadWeight),
        (np.nan, "frequency", NotFinite),
        (-np.inf, "precision", NotFinite),
    ],
)
def test_a_weight_that_cannot_be_one_is_named_by_its_row(weight: float, weight_type: WeightType, error: type[UnreadableNumber]) -> None:  # fmt: skip
    """Weights are not negative, and numbers of rows are whole."""
    rows = with_weights(NORMAL[:, :2], np.ones(2600))
    rows[2100, 2] = weight

    with pytest.raises(error) as caught:
        summed(np.array_split(rows, 3), made(1), 1, "float64", weight_type)

    assert (caught.value.row, caught.value.column) == (2100, "w")
    assert np.array_equal(caught.value.value, weight, equal_nan=True)


def test_the_first_row_that_is_wrong_is_named() -> None:
    """A bad weight does not hide an unreadable number in a row before it."""
    rows = with_weights(NORMAL[:50, :2], np.ones(50))
    rows[7, 0], rows[9, 2] = np.inf, -1.0

    with pytest.raises(NotFinite):
        summed([rows], made(1), 1, "float64", "precision")


def test_too_many_slices_are_refused_with_the_number() -> None:
    """Products too long to be summed in bounded memory: the number says how far off it is."""
    with pytest.raises(TooManySlices) as caught:
        summed([NORMAL[:300, :2]], made(1, 45), 1)

    assert caught.value.term == "x1^45"
    assert caught.value.n_slices > caught.value.limit > 1000


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("n", [1, 20, 120, 300])
def test_powers_that_are_too_long_are_refused_however_few_the_rows(n: int, numbers: Numbers) -> None:
    """What a fit costs follows from the length of its products: 120 rows of degree 100 took minutes."""
    with pytest.raises(TooManySlices) as caught:
        summed([readable(NORMAL[:n, :2])], made(1, 100), 1, numbers)

    assert caught.value.n_slices > caught.value.limit == 2048


@pytest.mark.parametrize("n", [120, 2048, 2048 + 120])
def test_how_many_rows_there_are_does_not_decide_what_is_refused(n: int) -> None:
    """Doubles of unlike sizes: up to degree 35 they are summed, from degree 39 on refused."""
    summed([NORMAL[:n, :2]], made(1, 35), 1)
    with pytest.raises(TooManySlices):
        summed([NORMAL[:n, :2]], made(1, 39), 1)


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize("n", [100, 400])
def test_a_few_rows_far_from_the_others_are_refused_when_their_powers_are_too_long(n: int, numbers: Numbers) -> None:
    """One row of 1e150 beside ones near 1: powers of it have thousands of bits, and so would have all sums."""
    rows = np.round(NORMAL[:n, :2], 3)
    rows[3, 0], rows[5, 0] = 1e150, 1e-150

    assert weighted_values(summed([rows], made(1, 3), 1, numbers)) == exact_term_sums(rows, made(1, 3), 1, numbers)
    with pytest.raises(TooManySlices) as caught:
        summed([rows], made(1, 15), 1, numbers)
    assert caught.value.n_slices > caught.value.limit


@pytest.mark.parametrize("weight_type", [None, "precision"])
@pytest.mark.parametrize("numbers", READINGS)
def test_columns_without_products_may_have_any_magnitudes(numbers: Numbers, weight_type: WeightType | None) -> None:
    """The limit is on products: 130 columns of 1e-150 beside 1e150 are summed as they always were."""
    rows = np.tile([[1e-150, 1e150], [1e150, 1e-150], [1.0, 3.0]], 65)
    rows = np.column_stack([rows, [0.5, 1.0, 2.0]])

    moments = summed([rows], made(rows.shape[1] - 1 - (weight_type is not None)), rows.shape[1] - 1 - (weight_type is not None), numbers, weight_type)  # fmt: skip

    assert moments.n_samples == 3


def test_weighted_moments_do_not_mix_with_others() -> None:
    """Their first entry is a sum of weights, not a number of rows."""
    of, rows = made(1), np.ones((3, 3))
    weighted, plain = summed([rows], of, 1, "float64", "precision"), summed([rows[:, :2]], of, 1)

    with pytest.raises(WeightMismatch):
        weighted + plain
    with pytest.raises(WeightMismatch):
        plain - weighted
    assert (weighted + Moments.empty(weighted.columns, is_weighted=True)).digest() == weighted.digest()


def test_the_total_is_the_sum_of_the_weights() -> None:
    """In the weights' unit; n_samples is the number of rows that count."""
    moments = summed([with_weights(np.ones((3, 2)), np.array([0.5, 0.25, 0.0]))], made(1), 1, "decimal", "precision")

    assert Fraction(int(moments.total)) * Fraction(10) ** -moments.weight_unit == Fraction(3, 4)
    assert moments.n_samples == 2
