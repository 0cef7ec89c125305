"""What rounding promises: the nearest double, ties to even, or no answer; never another one."""

import math
from fractions import Fraction

import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from service.solver.balls import precision
from service.solver.rounding import nearest, nearest_pair, nearest_root
from tests.solver import exact_fit

NUMERATORS = st.integers(-(2**200), 2**200)
DENOMINATORS = st.integers(1, 2**200)


@given(p=NUMERATORS, q=DENOMINATORS, shift=st.integers(-1300, 1300))
def test_a_rational_rounds_as_fractions_do(p: int, q: int, shift: int) -> None:
    """Normal, subnormal and overflowing alike."""
    value = Fraction(p, q) * Fraction(2) ** shift
    try:
        expected = float(value)
    except OverflowError:
        expected = math.copysign(math.inf, p)
    assert nearest(fmpq(value.numerator, value.denominator)) == expected


@given(p=st.integers(0, 2**200), q=DENOMINATORS)
def test_a_root_is_the_nearest_double(p: int, q: int) -> None:
    """The root of a rational, which mostly is none itself."""
    assert nearest_root(fmpq(p, q)) == exact_fit.nearest_root(Fraction(p, q))


@given(half=st.integers(2**53, 2**54 - 1), places=st.integers(-400, 400))
def test_a_root_midway_between_two_doubles_goes_to_the_even_one(half: int, places: int) -> None:
    """Squares of 54-bit numbers have such roots; a hair more or less decides otherwise."""
    root = Fraction(2 * (half // 2) + 1) * Fraction(2) ** places
    square = root * root
    hair = square / 2**300

    assert nearest_root(fmpq(square.numerator, square.denominator)) == float(root)
    for changed in (square - hair, square + hair):
        answer = nearest_root(fmpq(changed.numerator, changed.denominator))
        assert answer == exact_fit.nearest_root(changed)


@given(p=NUMERATORS, q=DENOMINATORS)
def test_balls_agree_with_rationals_or_do_not_answer(p: int, q: int) -> None:
    """At 200 bits nearly every rational is decided; whatever is decided is right."""
    exact = fmpq(p, q)
    with precision(200):
        ball = arb(p) / q
        answers = nearest(ball), nearest_pair(ball), nearest_root(abs(ball))
    for answer, right in zip(answers, (nearest(exact), nearest_pair(exact), nearest_root(abs(exact))), strict=True):
        assert answer in (None, right)


@pytest.mark.parametrize("middle", ["0", "1.00000000000000011102230246251565404236316680908203125"])
def test_a_ball_around_zero_or_a_midpoint_is_undecided(middle: str) -> None:
    """Both neighbours are in it."""
    with precision(200):
        ball = arb(middle, "1e-50")
        assert nearest(ball) is None
        assert nearest_pair(ball) is None
        assert nearest_root(arb("0", "1e-50")) is None


@pytest.mark.parametrize("value", [fmpq(0), fmpq(-1, 10**400), arb(0)])
def test_zero_is_never_negative(value: fmpq | arb) -> None:
    """-0.0 would print as -0.0."""
    assert math.copysign(1.0, nearest(value) or 0.0) == 1.0


def test_a_ball_around_a_double_has_no_remainder() -> None:
    """A remainder that is smaller than 2**-107 of the figure is 0, in balls as in rationals, so that both answer alike."""
    with precision(200):
        assert nearest_pair(arb("2", "1e-50")) == (2.0, 0.0)
        assert nearest_pair(arb(1) + arb(2) ** -90) == (1.0, 2.0**-90)
    assert nearest_pair(fmpq(2**120 + 1, 2**120)) == (1.0, 0.0)
    assert nearest_pair(fmpq(2**90 + 1, 2**90)) == (1.0, 2.0**-90)
