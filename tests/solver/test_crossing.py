"""What the crossing of two lines promises: every x in the set, and no other, is one where their difference may be 0."""

import math
from fractions import Fraction

import pytest
from flint import fmpq

from service.solver.crossing import Crossing, crossing
from service.solver.student import quantile

DF, LEVEL = 10, 0.95
T = Fraction(quantile(DF, LEVEL))
Three = tuple[int | Fraction, int | Fraction, int | Fraction]

# d0, d1 and the variances of both with their covariance
CASES: dict[str, tuple[tuple[int | Fraction, int | Fraction], Three, str]] = {
    "a clear difference of slopes": ((-4, 2), (1, 0, Fraction(1, 100)), "interval"),
    "far from 0": ((-(10**6), 1), (10**8, -100, Fraction(1, 9000)), "interval"),
    "slopes that may be equal, intercepts that are not": ((10, 1), (Fraction(1, 4), 0, 1), "two_rays"),
    "slopes that are equal": ((10, 0), (Fraction(1, 4), 0, 1), "two_rays"),
    "nothing is known": ((1, 1), (10, 0, 10), "everything"),
    "both equal": ((0, 0), (1, 0, 1), "everything"),
    "on the edge, from above": ((5, T), (1, 0, 1), "ray"),
    "on the edge, from below": ((-5, T), (1, 0, 1), "ray"),
    "exact lines that are parallel": ((2, 0), (0, 0, 0), "empty"),
    "exact lines that are one": ((0, 0), (0, 0, 0), "everything"),
    "an exact fit": ((-3, 2), (0, 0, 0), "interval"),
    "a small set far away": (
        (Fraction(-(10**12) - 1, 7), Fraction(1, 7)),
        (Fraction(1, 10**6), 0, Fraction(1, 10**30)),
        "interval",
    ),
}


def as_fmpq(value: int | Fraction) -> fmpq:
    return fmpq(*Fraction(value).as_integer_ratio())


def found(difference: tuple[int | Fraction, int | Fraction], covariance: Three) -> Crossing:
    d0, d1 = map(as_fmpq, difference)
    v00, v01, v11 = map(as_fmpq, covariance)
    return crossing((d0, d1), (v00, v01, v11), DF, LEVEL)


def holds(x: Fraction, difference: tuple[int | Fraction, int | Fraction], covariance: Three) -> bool:
    """Whether the t test at x does not refuse that the lines meet there."""
    (d0, d1), (v00, v01, v11) = difference, covariance
    return (d0 + d1 * x) ** 2 <= T * T * (v00 + 2 * x * v01 + x * x * v11)


@pytest.mark.parametrize(("difference", "covariance", "kind"), CASES.values(), ids=CASES)
def test_just_inside_the_ends_the_lines_may_meet_and_just_outside_they_do_not(
    difference: tuple[int | Fraction, int | Fraction], covariance: Three, kind: str
) -> None:
    """The definition of the set, tried exactly on both sides of each end."""
    cross = found(difference, covariance)

    assert cross.kind == kind
    assert cross.regions is not None
    for region in cross.regions:
        for end, inwards in zip(region, (1, -1), strict=True):
            if math.isinf(end):
                continue
            step = 2 * Fraction(math.ulp(end))
            if covariance != (0, 0, 0):
                assert holds(Fraction(end) + inwards * step, difference, covariance)
            assert not holds(Fraction(end) - inwards * step, difference, covariance)


@pytest.mark.parametrize(("difference", "covariance"), [case[:2] for case in CASES.values()], ids=CASES)
def test_the_crossing_is_in_its_set(difference: tuple[int | Fraction, int | Fraction], covariance: Three) -> None:
    """It is the nearest double to the exact one; parallel lines have none."""
    cross = found(difference, covariance)

    d0, d1 = map(Fraction, difference)
    assert cross.x == (None if d1 == 0 else float(-d0 / d1))
    if cross.x is not None:
        assert cross.regions is not None
        assert any(lower <= cross.x <= upper for lower, upper in cross.regions)


def test_without_degrees_of_freedom_only_the_crossing_is_known() -> None:
    """There is no variance to make a set of."""
    assert crossing((fmpq(-4), fmpq(2)), None, 0, LEVEL) == Crossing(2.0, None, None)
