"""What Student's t promises: quantiles to 15 digits and tails to 13, held against balls."""

import pytest
from flint import arb

from service.solver.balls import precision
from service.solver.student import quantile, two_sided

DF = [1, 2, 3, 5, 10, 30, 100, 1000, 10**4, 10**6]


def tail(df: int, t: arb) -> arb:
    """The probability of a |T| of at least t: the incomplete beta function of df / (df + t^2)."""
    return (df / (df + t * t)).beta_lower(arb(df) / 2, arb(1) / 2, regularized=True)


@pytest.mark.parametrize("level", [1e-6, 0.01, 0.3, 0.49, 0.5, 0.8, 0.95, 0.99, 0.999999, 1 - 2**-40])
@pytest.mark.parametrize("df", DF)
def test_a_quantile_lies_within_1e_15_of_where_the_probability_is_the_level(df: int, level: float) -> None:
    """Just below it the inner probability is less than the level, just above it more: whatever the tail."""
    t = arb(quantile(df, level))
    with precision(400):
        step = 2 * arb("1e-15") * t
        outside = 1 - arb(level)
        assert tail(df, t - step) > outside
        assert tail(df, t + step) < outside


@pytest.mark.parametrize("t", [1e-12, 1e-9, 0.1, 1.0, 2.5, 7.5, 20.0, 29.8, 37.0, 1e3, 1e8, 1e20])
@pytest.mark.parametrize("df", DF)
def test_a_tail_has_13_digits_down_to_the_smallest_doubles(df: int, t: float) -> None:
    """Two-sided, of either sign of t; near 1e-300, where one ulp of t moves it by 3e-13, twice 1e-13."""
    with precision(400):
        exact = tail(df, arb(t))
        if exact < arb("1e-307"):
            assert two_sided(df, t) < 1e-306
            return
        tolerance = arb("2e-13") if exact < arb("1e-100") else arb("5e-14")
        assert abs(arb(two_sided(df, t)) - exact) <= tolerance * exact
        assert two_sided(df, -t) == two_sided(df, t)
