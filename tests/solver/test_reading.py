"""What a number means, and which numbers cannot be read."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.solver.decimal_rest import decimal_rest
from service.solver.decimals import shortest
from service.solver.errors import NotFinite, OutOfRange, TooManyDigits, UnreadableNumber
from service.solver.moments import Moments
from service.solver.reading import Numbers, check
from service.solver.slicing.decimal_places import at_places, choose_places
from service.solver.slicing.scratch import Scratch
from tests.solver.exact_sums import exact_sums, values

decimals = st.builds(
    lambda digits, places: float(f"{digits}e{-places}"), st.integers(1 - 10**15, 10**15 - 1), st.integers(-120, 135)
)


@given(value=decimals)
def test_a_decimal_of_15_digits_is_read_as_itself(value: float) -> None:
    """The integer and the places are those of the shortest decimal that reads as the double."""
    integers, places = shortest(np.array([value]))

    assert int(integers[0]) * Fraction(10) ** -int(places[0]) == Fraction(repr(value))


@given(digits=st.integers(10**15, 2**53), places=st.integers(-30, 30))
def test_a_number_of_more_than_15_digits_is_no_decimal(digits: int, places: int) -> None:
    """16 digits no longer have a double each, so which decimal was meant cannot be known: refused, never guessed.

    Whole numbers have, up to 2^53: times in microseconds are such.
    """
    value = float(f"{digits}e{-places}")
    shown = repr(value).split("e")[0].replace(".", "").strip("0")

    if len(shown) > 15 and not (value.is_integer() and value <= 2**53):
        with pytest.raises(TooManyDigits):
            check(np.array([[value]]), ["x"], "decimal")
    else:
        check(np.array([[value]]), ["x"], "decimal")


wholes = st.integers(-(2**53), 2**53).map(float)


@given(value=wholes)
def test_a_whole_number_is_read_as_itself_up_to_2_to_the_53rd(value: float) -> None:
    """However many digits it has: no shorter decimal reads as it, and the one that it is has no other double."""
    integers, places = shortest(np.array([value]))

    assert int(integers[0]) * Fraction(10) ** -int(places[0]) == Fraction(repr(value)) == Fraction(value)
    assert decimal_rest(np.full(20, value)).tolist() == [0.0] * 20


@pytest.mark.parametrize("value", [2.0**53 + 2, 12345678901234567.0, 1e15 + 0.5])
def test_what_is_beyond_or_has_a_fraction_too_is_no_decimal(value: float) -> None:
    """Beyond 2^53 several whole numbers read as one double."""
    for sign in (1, -1):
        with pytest.raises(TooManyDigits):
            check(np.array([[sign * value]]), ["x"], "decimal")


@given(start=st.integers(-(2**53), 2**53 - 5000), step=st.sampled_from([1, 7, 1000]), seed=st.integers(0, 9))
@settings(max_examples=20)
def test_sums_of_long_whole_numbers_are_exact(start: int, step: int, seed: int) -> None:
    """Among others, in the fast way and in the plain one: times in microseconds beside prices."""
    rng = np.random.default_rng(seed)
    t = np.minimum(float(start) + step * rng.integers(0, 5, 3000), 2.0**53)
    rows = np.column_stack([t, np.round(rng.normal(size=3000), 2)])

    assert values(Moments.of(rows, ("t", "y"), "decimal")) == exact_sums(rows, "decimal")


@given(values=st.lists(decimals | wholes, min_size=1, max_size=20), places=st.integers(-22, 22))
def test_at_a_number_of_places_a_value_is_read_right_or_not_at_all(values: list[float], places: int) -> None:
    """The fast reading never takes a value for another: what it cannot read it says so of."""
    row = np.array([values])
    integers = np.empty(row.shape)

    unread = at_places(row, np.array([places]), integers, Scratch())

    for value, integer, is_unread in zip(values, integers[0].tolist(), unread[0].tolist(), strict=True):
        shown = Fraction(repr(value)) * Fraction(10) ** places
        assert is_unread == (shown.denominator != 1 or (abs(shown) > 2**53 if places == 0 else abs(shown) >= 10**15))
        assert is_unread or integer == shown


def test_places_are_chosen_for_most_values_of_a_column() -> None:
    """One value of many digits or of another size does not make the others slow."""
    row = np.array([[0.25] * 20 + [1e-20], [1.5] * 20 + [3e14], [0.0] * 21])

    assert choose_places(row).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (np.nan, NotFinite),
        (np.inf, NotFinite),
        (-np.inf, NotFinite),
        (1.0000001e150, OutOfRange),
        (-9e-151, OutOfRange),
        (5e-324, OutOfRange),
    ],
)
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_what_cannot_be_read_is_refused_by_row_and_column(
    value: float, error: type[UnreadableNumber], numbers: Numbers
) -> None:
    """The error says which value stands where, rows counted from the first of the whole."""
    block = np.ones((5, 2))
    block[3, 1] = value

    with pytest.raises(error) as caught:
        check(block, ["a", "b"], numbers, first_row=100)

    assert (caught.value.row, caught.value.column) == (103, "b")
    assert repr(caught.value.value) == repr(float(value))


def test_too_many_digits_are_refused_only_where_decimals_are_meant() -> None:
    """A third is a fine double, and no decimal."""
    block = np.array([[0.5], [1 / 3]])

    check(block, ["x"], "float64")
    with pytest.raises(TooManyDigits) as caught:
        check(block, ["x"], "decimal")

    assert (caught.value.row, caught.value.value) == (1, 1 / 3)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e150, -1e150, 1e-150, -1e-150])
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_the_ends_of_the_range_are_within_it(value: float, numbers: Numbers) -> None:
    """Zero of either sign, and the largest and smallest magnitudes, are numbers like others."""
    check(np.array([[value]]), ["x"], numbers)


@pytest.mark.parametrize("kind", [NotFinite, OutOfRange, TooManyDigits])
def test_errors_cross_to_another_process(kind: type[UnreadableNumber]) -> None:
    """Workers are processes of their own: what they refuse comes back whole."""
    error: UnreadableNumber = pickle.loads(pickle.dumps(kind(7, "x", 0.5)))  # noqa: S301

    assert (type(error), error.row, error.column, error.value) == (kind, 7, "x", 0.5)
    assert "row 7" in str(error)
