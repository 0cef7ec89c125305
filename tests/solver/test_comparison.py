"""What comparisons promise: the tests of the rows of both together, made of the moments of each, exact and rounded once."""

import pickle
from fractions import Fraction
from itertools import chain

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.comparison import NO_INTERCEPT, NO_LINES, THROUGH_ORIGIN, Comparison, compared, stacked
from service.solver.crossing import PARALLEL, Crossing
from service.solver.errors import ReadingMismatch
from service.solver.inference import EXACT_FIT, inference
from service.solver.least_squares import NO_DF, least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from tests.solver.exact_fit import as_read, exact_fit
from tests.solver.whiteside import AFTER, BEFORE

LEVEL = 0.95
Block = NDArray[np.float64]
RNG = np.random.default_rng(11)


def drawn(n: int, p: int, scale: float = 1.0, about: float = 0.0) -> Block:
    X = (RNG.normal(size=(n, p)) * scale + about).round(3)
    return np.column_stack([X, (X.sum(axis=1) + RNG.normal(size=n)).round(2)])


PAIRS = {
    "lines": (drawn(9, 1), drawn(12, 1)),
    "planes": (drawn(10, 3), drawn(14, 3, scale=2.0)),
    "far away": (drawn(8, 2, about=1e6), drawn(8, 2, about=-1e6)),
    "other units": (drawn(8, 1, scale=1e-3), (drawn(9, 1) * 1024).round()),
}


def moments_of(block: Block, numbers: Numbers = "float64") -> Moments:
    return Moments.of(block, [*(f"x{i}" for i in range(block.shape[1] - 1)), "y"], numbers)


def of_both(pair: tuple[Block, Block], *, fit_intercept: bool = True, numbers: Numbers = "float64") -> Comparison:
    first, second = (moments_of(block, numbers) for block in pair)
    return compared(first, second, fit_intercept, LEVEL, are_lines=len(first.columns) == 2)


def together(first: Block, second: Block, with_g: bool = True) -> Block:
    """The rows of both: [g, X, g X, y]."""
    rows = []
    for g, block in ((0.0, first), (1.0, second)):
        X, y = block[:, :-1], block[:, -1:]
        rows.append(np.hstack([*([np.full_like(y, g)] if with_g else []), X, g * X, y]))
    return np.vstack(rows)


def exact_rss(block: Block, columns: list[int], fit_intercept: bool, numbers: Numbers) -> Fraction:
    rows = as_read(block, numbers)
    return exact_fit([[row[j] for j in columns] for row in rows], [row[-1] for row in rows], fit_intercept).rss


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("with_g", [True, False], ids=["with g", "without"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_moments_of_both_are_those_of_their_rows(pair: tuple[Block, Block], with_g: bool, numbers: Numbers) -> None:
    """Not a bit differs from summing the stacked rows with their indicator and its products."""
    first, second = (moments_of(block, numbers) for block in pair)

    made = stacked(first, second, with_g)

    assert made.digest() == Moments.of(together(*pair, with_g), made.columns, numbers).digest()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_three_tests_are_exact(pair: tuple[Block, Block], fit_intercept: bool, numbers: Numbers) -> None:
    """From the residuals' squares of three fits in fractions: separate lines, common slopes, one line."""
    block, p = together(*pair), pair[0].shape[1] - 1
    g, X, products = [0] if fit_intercept else [], [*range(1, 1 + p)], [*range(1 + p, 1 + 2 * p)]
    separate, common, one = (
        exact_rss(block, columns, fit_intercept, numbers) for columns in ([*g, *X, *products], [*g, *X], X)
    )
    df = len(block) - 2 * (p + fit_intercept)

    found = of_both(pair, fit_intercept=fit_intercept, numbers=numbers)

    def f(restricted: Fraction, full: Fraction, df_num: int, df_denom: int) -> tuple[float, int, int]:
        value = (restricted - full) / df_num / (full / df_denom)
        return value.numerator / value.denominator, df_num, df_denom

    tests = (found.equal_slopes, found.equal_lines, found.equal_intercepts)
    said = [None if test is None else (test.statistic, test.df_num, test.df_denom) for test in tests]
    assert said == [
        f(common, separate, p, df),
        f(one, separate, p + fit_intercept, df),
        f(one, common, 1, df + p) if fit_intercept else None,
    ]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_differences_are_the_terms_with_g_in_the_fit_of_all_rows(pair: tuple[Block, Block]) -> None:
    """Estimate, error, t, p and interval, as the fit of the stacked rows has them."""
    block, p = together(*pair), pair[0].shape[1] - 1
    names = [str(i) for i in range(block.shape[1] - 1)]
    rows = inference(least_squares(Moments.of(block, [*names, "y"]), "y", names, rank_deficient="allow"), LEVEL)

    found = of_both(pair).equal_lines.hypotheses

    for row, one in zip([rows[1], *rows[2 + p :]], found, strict=True):
        assert (one.estimate, one.std_error) == (row.estimate, row.std_error)
        for name in ("t_value", "p_value", "ci_lower", "ci_upper"):
            assert getattr(one, name) == pytest.approx(getattr(row, name), rel=1e-13)


def test_gas_before_and_after_insulation_is_as_r_has_it() -> None:
    """R 4, example(whiteside, package = "MASS"): anova(gasPR, gasBA), and the fits by themselves, to the digits printed."""
    before, after = (Moments.of(np.array([of["Temp"], of["Gas"]]).T, ("Temp", "Gas"), "decimal") for of in (BEFORE, AFTER))

    found = compared(before, after, True, LEVEL, are_lines=True)

    slopes = found.equal_slopes
    assert (f"{slopes.statistic:.3f}", slopes.df_num, slopes.df_denom, f"{slopes.p_value:.4g}") == (
        "12.893",
        1,
        52,
        "0.0007307",
    )
    intercept, slope = found.equal_lines.hypotheses
    assert [f"{value:.5f}" for value in (intercept.estimate, slope.estimate)] == ["-2.12998", "0.11530"]
    assert [f"{value:.5f}" for value in (intercept.std_error, slope.std_error)] == ["0.18009", "0.03211"]
    assert found.variance_ratio.df_num == 28
    assert found.crossing is not None
    assert (found.crossing.kind, f"{found.crossing.x:.2f}") == ("interval", "18.47")


def test_the_variance_ratio_is_that_of_the_two_fits_and_its_p_two_sided() -> None:
    """Turned round, the ratio is the other way round and p the same."""
    first, second = map(moments_of, PAIRS["planes"])
    sigmas = [least_squares(one, "y", ["x0", "x1", "x2"]).sigma for one in (first, second)]
    there, back = (compared(*pair, True, LEVEL, False).variance_ratio for pair in ((first, second), (second, first)))

    assert sigmas[0] is not None
    assert sigmas[1] is not None
    assert there.statistic == pytest.approx((sigmas[1] / sigmas[0]) ** 2, rel=1e-15)
    assert back.statistic is not None
    assert there.statistic == pytest.approx(1 / back.statistic, rel=1e-15)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-13)
    assert (there.df_num, there.df_denom) == (10, 6)


def test_fiellers_set_holds_the_crossing_as_often_as_it_says() -> None:
    """19 of 20 in 4,000 seeded runs of slopes that can hardly be told apart, of which half have sets without bounds."""
    rng, x = np.random.default_rng(2026), np.arange(12.0)

    def holds_6(cross: Crossing | None) -> bool:
        assert cross is not None
        assert cross.regions is not None
        return any(lower <= 6 <= upper for lower, upper in cross.regions)

    held = []
    for _ in range(4000):
        lines = [np.column_stack([x, y + rng.normal(size=12) * 2]) for y in (1 + 2 * x, 4 + 1.5 * x)]
        held.append(holds_6(of_both((lines[0], lines[1])).crossing))

    assert 0.94 <= np.mean(held) <= 0.96


def test_the_same_rows_twice_differ_in_nothing() -> None:
    """All differences are exactly 0: F is 0, p is 1, and nobody knows where the one line crosses itself."""
    moments = moments_of(PAIRS["lines"][0])

    found = compared(moments, moments, True, LEVEL, are_lines=True)

    tests = (found.equal_slopes, found.equal_lines, found.equal_intercepts)
    assert [(test.statistic, test.p_value) for test in tests if test is not None] == [(0.0, 1.0)] * 3
    assert found.crossing is not None
    assert (found.crossing.x, found.crossing.kind) == (None, "everything")
    assert found.reasons["crossing"] == PARALLEL
    assert found.variance_ratio.statistic == 1.0
    assert found.variance_ratio.p_value == pytest.approx(1.0, rel=1e-14)


def test_what_there_is_no_noise_or_no_freedom_for_says_so() -> None:
    """Exact lines, and as many coefficients as rows."""
    exact = moments_of(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]))
    other = moments_of(np.array([[0.0, 0.0], [1.0, 3.0], [2.0, 6.0]]))
    few = moments_of(np.array([[0.0, 1.0], [1.0, 3.0]]))

    of_exact, of_few = compared(exact, other, True, LEVEL, True), compared(few, few, True, LEVEL, True)

    assert of_exact.equal_slopes.reasons["statistic"] == EXACT_FIT
    assert of_exact.variance_ratio.reasons["statistic"] == EXACT_FIT
    assert of_exact.crossing is not None
    assert (of_exact.crossing.x, of_exact.crossing.regions) == (1.0, ((1.0, 1.0),))
    assert of_few.equal_slopes.reasons["statistic"] == NO_DF
    assert of_few.variance_ratio.reasons["statistic"] == NO_DF
    assert of_few.reasons["crossing_interval"] == NO_DF


def test_a_crossing_is_of_two_lines_with_intercepts() -> None:
    """Planes meet in more than a point, and lines through 0 meet there."""
    planes = of_both(PAIRS["planes"])
    through_0 = of_both(PAIRS["lines"], fit_intercept=False)

    assert (planes.crossing, planes.reasons) == (None, {"crossing": NO_LINES})
    assert through_0.crossing is None
    assert through_0.reasons == {"crossing": THROUGH_ORIGIN, "equal_intercepts_given_equal_slopes": NO_INTERCEPT}


def test_readings_do_not_mix() -> None:
    """Sums of doubles and of decimals are of different numbers."""
    first, second = PAIRS["lines"]

    with pytest.raises(ReadingMismatch):
        compared(moments_of(first), moments_of(second, "decimal"), True, LEVEL, True)


def test_weights_go_with_their_rows() -> None:
    """Weights of one half in the first: an F of weighted squares, the same as of rows counted once and twice."""
    first, second = map(moments_of, PAIRS["planes"])
    halved = Moments(first.columns, first.numbers, first.units, first.sums, first.n_samples, 1)
    whole = Moments(second.columns, second.numbers, second.units, second.sums, second.n_samples, 0)
    doubled = Moments(second.columns, second.numbers, second.units, second.sums * 2, second.n_samples, 0)
    once = Moments(first.columns, first.numbers, first.units, first.sums, first.n_samples, 0)

    halves, doubles = compared(halved, whole, True, LEVEL, False), compared(once, doubled, True, LEVEL, False)

    assert halves.equal_lines.statistic == doubles.equal_lines.statistic
    assert halves.equal_slopes == doubles.equal_slopes
    assert halves.variance_ratio == doubles.variance_ratio
    plain = compared(first, second, True, LEVEL, False)
    assert halves.equal_lines.statistic != plain.equal_lines.statistic


def test_what_a_worker_answers_pickles() -> None:
    """Comparisons of many columns are made in another process."""
    found = of_both(PAIRS["lines"])

    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 (our own)


def test_all_figures_are_numbers_or_none() -> None:
    """Whatever the data: never NaN, never infinite."""
    found = of_both(PAIRS["other units"])

    figures = [
        *([test.statistic, test.p_value] for test in (found.equal_slopes, found.equal_lines, found.variance_ratio)),
        *([one.estimate, one.t_value, one.ci_lower, one.ci_upper] for one in found.equal_lines.hypotheses),
    ]
    assert all(value is None or np.isfinite(value) for value in chain(*figures))
