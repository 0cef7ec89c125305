"""What tests of hypotheses promise: the exact statistic, rounded once, and a reason where there is none."""

import math
import pickle
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from flint import arb
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.errors import DependentHypotheses
from service.solver.given_covariance import Robust
from service.solver.hypotheses import NO_VARIANCE, SINGULAR, FTest, Hypothesis, f_test, upper_tail
from service.solver.inference import EXACT_FIT, inference
from service.solver.least_squares import NO_DF, least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.student import two_sided
from tests.solver.exact_fit import as_read, exact_fit

LEVEL = 0.95
RNG = np.random.default_rng(6)
FAR_AWAY = (RNG.normal(size=(17, 3)) + 1e6).round(2)  # nine digits cancel about the mean
BLOCKS = {
    "near": np.column_stack([RNG.normal(size=(12, 3)).round(2), RNG.normal(size=12).round(2)]),
    "far away": np.column_stack([FAR_AWAY, (FAR_AWAY.sum(axis=1) + RNG.normal(size=17)).round(2)]),
    "apart in scale": np.column_stack([RNG.normal(size=(9, 3)) * [1e-5, 1.0, 1e7], RNG.normal(size=9)]),
}


def moments_of(block: NDArray[np.float64], numbers: Numbers = "float64") -> Moments:
    return Moments.of(block, [*(f"x{i}" for i in range(block.shape[1] - 1)), "y"], numbers)


def rounded(value: Fraction) -> float:
    return value.numerator / value.denominator


def exact_f(full: Fraction, restricted: Fraction, q: int, df: int) -> float:
    """From the sums of squared residuals of the two fits."""
    return rounded((restricted - full) / q / (full / df))


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_f_is_the_exact_one_of_the_fit_without_the_terms(
    block: NDArray[np.float64], fit_intercept: bool, numbers: Numbers
) -> None:
    """The residuals' squares of a fit with and without the terms, in fractions: an independent way to the same statistic."""
    block = block if numbers == "float64" else np.vectorize(lambda value: float(f"{value:.12g}"))(block)
    *X, y = zip(*as_read(block, numbers), strict=True)
    X = list(zip(*X, strict=True))
    full = exact_fit(X, y, fit_intercept)
    without = exact_fit([row[:1] for row in X], y, fit_intercept)

    found = f_test(moments_of(block, numbers), fit_intercept, [Hypothesis({2: 1.0}), Hypothesis({3: -2.0})], LEVEL)

    assert (found.statistic, found.df_num, found.df_denom) == (exact_f(full.rss, without.rss, 2, full.df), 2, full.df)


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("block", [BLOCKS["near"], BLOCKS["far away"]], ids=["near", "far away"])
def test_equal_coefficients_that_differ_from_0_are_tested_exactly(block: NDArray[np.float64], numbers: Numbers) -> None:
    """b0 = b1 and b2 = 0.1: y - 0.1 x2 on x0 + x1, and in decimals 0.1 is one tenth."""
    *X, y = zip(*as_read(block, numbers), strict=True)
    tenth = Fraction(1, 10) if numbers == "decimal" else Fraction(0.1)
    full = exact_fit(list(zip(*X, strict=True)), y)
    merged = [(a + b,) for a, b in zip(X[0], X[1], strict=True)]
    restricted = exact_fit(merged, [value - tenth * x for value, x in zip(y, X[2], strict=True)])

    hypotheses = [Hypothesis({1: 1.0, 2: -1.0}), Hypothesis({3: 1.0}, 0.1)]
    found = f_test(moments_of(block, numbers), True, hypotheses, LEVEL)

    assert found.statistic == exact_f(full.rss, restricted.rss, 2, full.df)
    difference, own = found.hypotheses
    assert difference.estimate == rounded(full.theta[1] - full.theta[2])
    assert own.estimate == rounded(full.theta[3])
    assert own.std_error == np.sqrt(rounded(full.variances[3]))
    square = rounded((full.theta[3] - tenth) ** 2 / full.variances[3])
    assert own.t_value == pytest.approx(math.copysign(math.sqrt(square), full.theta[3] - tenth), rel=1e-15)


def test_a_single_hypothesis_is_a_row_of_inference() -> None:
    """That a coefficient is 0 is what every fit says of it, figure by figure, and F is the square of t."""
    moments = moments_of(BLOCKS["near"])
    rows = inference(least_squares(moments, "y", ["x0", "x1", "x2"]), LEVEL)

    for place, row in enumerate(rows):
        found = f_test(moments, True, [Hypothesis({place: 1.0})], LEVEL)
        (one,) = found.hypotheses
        assert (one.estimate, one.std_error) == (row.estimate, row.std_error)
        assert row.t_value is not None
        assert one.t_value == pytest.approx(row.t_value, rel=1e-15)
        for name in ("p_value", "ci_lower", "ci_upper"):
            assert getattr(one, name) == pytest.approx(getattr(row, name), rel=1e-13)
        assert found.statistic == pytest.approx(row.t_value**2, rel=1e-15)
        assert found.p_value == pytest.approx(row.p_value, rel=1e-13)


def test_weights_count_as_the_fit_counts_them() -> None:
    """The sum of w r^2 of both fits, whatever the unit of the weights."""
    block, weights = BLOCKS["near"], [0.25 * (1 + i % 3) for i in range(12)]
    *X, y = zip(*as_read(block, "float64"), strict=True)
    w = list(map(Fraction, weights))
    full = exact_fit(list(zip(*X, strict=True)), y, weights=w)
    without = exact_fit(list(zip(X[0], strict=True)), y, weights=w)
    moments = weighted(block, weights)

    found = f_test(moments, True, [Hypothesis({2: 1.0}), Hypothesis({3: 1.0})], LEVEL)

    assert found.statistic == exact_f(full.rss, without.rss, 2, full.df)
    assert found.hypotheses[0].std_error == np.sqrt(rounded(full.variances[2]))


def weighted(block: NDArray[np.float64], weights: Sequence[float]) -> Moments:
    """Products count by quarters."""
    total = Moments.empty([*(f"x{i}" for i in range(block.shape[1] - 1)), "y"])
    for row, weight in zip(block, weights, strict=True):
        for _ in range(int(weight * 4)):
            total += moments_of(row[None])
    return Moments(total.columns, total.numbers, total.units, total.sums, len(block), 2)


def test_a_hypothesis_that_holds_exactly_has_an_f_of_0() -> None:
    """0 is no ball's business: rationals say so."""
    block = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 1.0], [3.0, 2.0], [4.0, 1.0]])  # the slope is 0

    found = f_test(moments_of(block), True, [Hypothesis({1: 1.0})], LEVEL)

    assert (found.statistic, found.p_value) == (0.0, 1.0)
    assert (found.hypotheses[0].t_value, found.hypotheses[0].p_value) == (0.0, 1.0)


def test_an_exact_fit_has_no_test_and_says_why() -> None:
    """There is no noise to test against; the combination is known all the same."""
    found = f_test(moments_of(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]])), True, [Hypothesis({1: 1.0}, 7.0)], LEVEL)

    assert (found.statistic, found.p_value, found.reasons) == (None, None, {"statistic": EXACT_FIT, "p_value": EXACT_FIT})
    (one,) = found.hypotheses
    assert (one.estimate, one.std_error, one.t_value, one.ci_lower, one.ci_upper) == (2.0, 0.0, None, 2.0, 2.0)
    assert one.reason == EXACT_FIT


def test_without_degrees_of_freedom_only_the_estimate_is_known() -> None:
    """Two rows have no noise to speak of."""
    found = f_test(moments_of(np.array([[0.0, 1.0], [1.0, 3.0]])), True, [Hypothesis({0: 1.0, 1: 1.0})], LEVEL)

    assert (found.statistic, found.df_denom, found.reasons["statistic"]) == (None, 0, NO_DF)
    assert (found.hypotheses[0].estimate, found.hypotheses[0].std_error) == (3.0, None)


@pytest.mark.parametrize(
    ("last", "contradicts"),
    [
        (Hypothesis({1: 1.0, 3: 1.0}, 3.0), False),
        (Hypothesis({1: 1.0, 3: 1.0}, 4.0), True),
        (Hypothesis({1: 4.0}, 4.0), False),
    ],
    ids=["follows", "contradicts", "the same"],
)
def test_a_hypothesis_that_depends_on_others_is_named(last: Hypothesis, contradicts: bool) -> None:
    """It adds nothing, or cannot be true with them: either is a slip of whoever asks."""
    others = [Hypothesis({1: 1.0}, 1.0), Hypothesis({2: 1.0}), Hypothesis({3: 2.0}, 4.0)]

    with pytest.raises(DependentHypotheses) as error:
        f_test(moments_of(BLOCKS["near"]), True, [*others, last], LEVEL)

    assert (error.value.hypothesis, error.value.contradicts) == (3, contradicts)


def test_more_hypotheses_than_coefficients_depend_on_each_other() -> None:
    """However many are sent, the first that is too many is found at once."""
    many = [Hypothesis({place % 4: 1.0, (place // 4) % 4: 0.5}) for place in range(100_000)]

    with pytest.raises(DependentHypotheses) as error:
        f_test(moments_of(BLOCKS["near"]), True, many, LEVEL)

    assert error.value.hypothesis == 4


@pytest.mark.parametrize("block", [BLOCKS["near"], BLOCKS["far away"]], ids=["near", "far away"])
def test_a_covariance_of_its_own_takes_the_place_of_the_fits(block: NDArray[np.float64]) -> None:
    """In whitened coordinates that of a fit is I: with four times as much F is a quarter, t half, and the df are its own."""
    moments, hypotheses = moments_of(block), [Hypothesis({1: 1.0, 2: -1.0}), Hypothesis({0: 1.0}, 0.5)]
    classical = f_test(moments, True, hypotheses, LEVEL)
    sigma = least_squares(moments, "y", ["x0", "x1", "x2"]).sigma
    assert sigma is not None

    found = f_test(moments, True, hypotheses, LEVEL, Robust(4 * np.eye(4), sigma, df=3))

    assert classical.statistic is not None
    assert found.statistic == pytest.approx(classical.statistic / 4, rel=1e-14)
    assert found.df_denom == 3
    one, before = found.hypotheses[0], classical.hypotheses[0]
    assert one.t_value is not None
    assert before.t_value is not None
    assert one.t_value == pytest.approx(before.t_value / 2, rel=1e-14)
    assert one.p_value == two_sided(3, one.t_value)


def test_a_covariance_that_is_singular_tests_hypotheses_one_by_one() -> None:
    """Two clusters cannot tell three coefficients apart, though each has a standard error."""
    scores = np.array([[1.0, 2.0, 0.3, 0.1], [0.5, -1.0, 0.7, 0.2]])
    hypotheses = [Hypothesis({place: 1.0}) for place in (1, 2, 3)]

    found = f_test(moments_of(BLOCKS["near"]), True, hypotheses, LEVEL, Robust(scores.T @ scores, 1.0, df=1))

    assert (found.statistic, found.reasons["statistic"]) == (None, SINGULAR)
    assert [one.p_value is None for one in found.hypotheses] == [False] * 3


def test_a_covariance_of_nothing_says_so() -> None:
    """Residuals that are all 0 make robust errors of 0."""
    found = f_test(moments_of(BLOCKS["near"]), True, [Hypothesis({1: 1.0})], LEVEL, Robust(np.zeros((4, 4)), 1.0, df=8))

    assert (found.statistic, found.reasons["statistic"]) == (None, NO_VARIANCE)
    assert found.hypotheses[0].reason == NO_VARIANCE


TAILS = [
    (2, 7, 14.0),
    (1, 1, 0.3),
    (3, 10, 1e-6),
    (50, 5, 1e4),
    (24, 10**6, 14.6),
    (10, 10**6, 64.8),
    (400, 10**5, 0.9),
    (5, 1000, 3.0),
]


@pytest.mark.parametrize(("df_num", "df_denom", "statistic"), TAILS, ids=str)
def test_tails_of_f_are_right_to_13_digits(df_num: int, df_denom: int, statistic: float) -> None:
    """As the beta distribution has them at 300 bits, far out and of a million degrees of freedom too."""
    with precision(300):
        share = arb(df_denom) / (arb(df_denom) + arb(df_num) * arb(statistic))
        exact = float(share.beta_lower(arb(df_denom) / 2, arb(df_num) / 2, regularized=True))

    assert upper_tail(df_num, df_denom, statistic) == pytest.approx(exact, rel=5e-13, abs=0)


def test_what_a_worker_answers_pickles() -> None:
    """Tests of many columns are made in another process."""
    found = f_test(moments_of(BLOCKS["near"]), True, [Hypothesis({1: 1.0})], LEVEL)

    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 (our own)
    assert isinstance(found, FTest)
