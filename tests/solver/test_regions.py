"""Where a polynomial is at most 0: right at every kind of root, exactly where the sign changes."""

import math
from fractions import Fraction

import pytest
from flint import fmpq, fmpq_poly

from service.solver.regions import Region, at_most_nothing, real_roots

INF = math.inf


def product(*factors: list[int]) -> fmpq_poly:
    """Of polynomials, their coefficients rising: that with the root 3 begins with -3."""
    whole = fmpq_poly([1])
    for factor in factors:
        whole *= fmpq_poly(factor)
    return whole


CASES: dict[str, tuple[fmpq_poly, tuple[Region, ...]]] = {
    "nothing at all": (fmpq_poly([]), ((-INF, INF),)),
    "a negative constant": (fmpq_poly([-1]), ((-INF, INF),)),
    "a positive constant": (fmpq_poly([1]), ()),
    "rising": (product([-3, 1]), ((-INF, 3.0),)),
    "falling": (product([-3, 1], [-1]), ((3.0, INF),)),
    "a bowl": (product([-3, 1], [-5, 1]), ((3.0, 5.0),)),
    "a dome": (product([-3, 1], [-5, 1], [-1]), ((-INF, 3.0), (5.0, INF))),
    "a bowl that touches": (product([-3, 1], [-3, 1]), ((3.0, 3.0),)),
    "a dome that touches": (product([-3, 1], [-3, 1], [-1]), ((-INF, INF),)),
    "a bowl above": (fmpq_poly([1, 0, 1]), ()),
    "a dome below": (fmpq_poly([-1, 0, -1]), ((-INF, INF),)),
    "at 0": (product([0, 1], [-5, 1]), ((0.0, 5.0),)),
    "two bowls": (product([1, 1], [-1, 1], [-3, 1], [-5, 1]), ((-1.0, 1.0), (3.0, 5.0))),
    "rays beside a bowl": (
        product([1, 1], [-1, 1], [-3, 1], [-5, 1], [-1]),
        ((-INF, -1.0), (1.0, 3.0), (5.0, INF)),
    ),
    "touching between": (product([1, 1], [-1, 1], [-1, 1], [-5, 1]), ((-1.0, 5.0),)),
    "touching beside": (product([1, 1], [-1, 1], [-5, 1], [-5, 1]), ((-1.0, 1.0), (5.0, 5.0))),
    "a triple root": (product([-2, 1], [-2, 1], [-2, 1]), ((-INF, 2.0),)),
    "roots that are not real": (product([1, 0, 1], [-1, 1], [-3, 1]), ((1.0, 3.0),)),
}


@pytest.mark.parametrize(("polynomial", "regions"), CASES.values(), ids=CASES)
def test_regions_begin_and_end_where_the_sign_changes(polynomial: fmpq_poly, regions: tuple[Region, ...]) -> None:
    """Roots of odd multiplicity end a region; where the curve touches 0 from above there is a point."""
    assert at_most_nothing(polynomial) == regions


@pytest.mark.parametrize("n_others", [0, 2], ids=["in closed form", "isolated"])
@pytest.mark.parametrize("middle", [0, 10**6, 1_790_000_000_000_000])
def test_roots_that_are_close_and_far_from_0_are_told_apart(middle: int, n_others: int) -> None:
    """A millionth to both sides of the time now in microseconds, where doubles are a quarter apart."""
    ends = [middle - fmpq(1, 10**6), middle + fmpq(1, 10**6)]
    polynomial = fmpq_poly([-ends[0], 1]) * fmpq_poly([-ends[1], 1]) * fmpq_poly([1, 0, 1]) ** (n_others // 2)

    exact = [Fraction(int(end.p), int(end.q)) for end in ends]
    assert at_most_nothing(polynomial) == ((float(exact[0]), float(exact[1])),)
    assert real_roots(polynomial) == [(float(exact[0]), 1), (float(exact[1]), 1)]


def test_a_root_beyond_a_double_is_no_end() -> None:
    """Nobody can tell it from infinity."""
    assert at_most_nothing(fmpq_poly([-(fmpq(10) ** 400), 1])) == ((-INF, INF),)
