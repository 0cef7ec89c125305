"""What robust errors promise: those of R and Stata, and of exact arithmetic; the order of rows changes no bit."""

from fractions import Fraction
from math import sqrt

import numpy as np
import pytest
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import TooFewClusters, TooManyClusters
from service.solver.group_sums import MOST_GROUPS, GroupSums
from service.solver.influence import influence
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.leverage import leverages
from service.solver.residuals import residuals
from service.solver.sandwich import Covariance, Robust, Sandwich, variances
from service.solver.term_summation import TermSummation
from service.solver.term_values import Plan
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_leverages, fraction

Floats = NDArray[np.float64]

# Per capita income and expenditure on public schools in the US states, 1979: R's sandwich, data("PublicSchools") without its
# missing row.
EXPENDITURE = [
    275, 821, 339, 275, 387, 452, 531, 424, 316, 265, 403, 304, 437, 345, 431, 355, 260, 316, 327, 427, 427, 466, 477, 259, 274,
    433, 294, 359, 279, 423, 388, 447, 335, 311, 322, 320, 397, 412, 342, 315, 321, 268, 315, 417, 353, 356, 415, 428, 320, 500,
]  # fmt: skip
INCOME = [
    6247, 10851, 7374, 6183, 8850, 8001, 8914, 8604, 7505, 6700, 8380, 6813, 8745, 7696, 7873, 8001, 6615, 6640, 6333, 8306, 8063,
    8442, 7847, 5736, 7342, 7051, 7391, 9032, 7277, 8818, 6505, 8267, 6607, 7478, 7812, 6951, 7839, 7733, 7526, 6242, 6841, 6489,
    7697, 6622, 6541, 7624, 8450, 10022, 6456, 9096,
]  # fmt: skip
KINDS: tuple[Robust, ...] = ("HC0", "HC1", "HC2", "HC3", "cluster")


class Case:
    """A fit to some rows, whose sandwiches are asked for."""

    def __init__(self, X: Floats, y: Floats, weights: Floats | None = None, repeated: bool = False, degree: int = 1) -> None:
        self.X, self.y, self.weights, self.repeated = X, y, weights, repeated
        bases = tuple(Base(f"x{j}") for j in range(X.shape[1]))
        made_of = Terms(terms(bases, degree))
        summation = TermSummation(
            [base.name for base in bases], made_of.each, "y", "float64", None if weights is None else "w",
            "frequency" if repeated else "precision",
        )  # fmt: skip
        summation.add(np.column_stack([X, y] if weights is None else [X, y, weights]))
        self.moments, names = summation.result(), tuple(term.name for term in made_of.each)
        self.fit: LeastSquares = least_squares(self.moments, "y", names, terms=made_of)
        self.influence = influence(self.moments, "y", names, True, made_of)
        self.plan = made_of

    def covariance(self, kind: Robust, groups: Floats | None = None, cuts: tuple[NDArray[np.int64], ...] = ()) -> Covariance:
        fit = self.fit
        assert fit.sigma is not None
        plan = Plan.of(self.plan.each, self.X.shape[1]) if self.plan.has_products else None
        e = residuals(fit.evaluation, self.X, self.y, "float64", plan)
        sandwich = Sandwich(
            self.influence, kind, "float64", sigma=fit.sigma, n=fit.df_resid + fit.rank, rank=fit.rank, n_rows=len(self.X),
            is_repeated=self.repeated,
        )  # fmt: skip
        for rows in cuts or (np.arange(len(self.X)),):
            of_rows = None if groups is None else groups[rows].astype(np.int64)
            sandwich.add(self.X[rows], e[rows], None if self.weights is None else self.weights[rows], rows, of_rows)
        return sandwich.result()


def schools() -> Case:
    return Case(np.array(INCOME)[:, None] / 1e4, np.array(EXPENDITURE, np.float64), degree=2)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("HC0", (460.89, 1243.04, 829.99)),
        ("HC3", (1095.00, 2975.41, 1995.24)),
    ],
)
def test_standard_errors_of_public_schools_are_those_of_rs_sandwich(kind: Robust, expected: tuple[float, ...]) -> None:
    """Zeileis, Journal of Statistical Software 11 (2004) 10, section 5.1: lm(Expenditure ~ Income + I(Income^2))."""
    assert schools().covariance(kind).std_error == pytest.approx(expected, abs=0.005)


def exact_covariance(case: Case, kind: Robust, groups: Floats) -> list[list[Fraction]]:
    """In rationals, by the formulas as they are written; each repeated row a row."""
    X, y = case.X, case.y
    w = np.ones(len(X)) if case.weights is None else case.weights
    if case.repeated:
        times = w.astype(int)
        X, y, groups, w = (np.repeat(part, times, axis=0) for part in (X, y, groups, np.ones(len(X))))
    rows = design(as_read(X, "float64"), fit_intercept=True)
    n, c = rows.nrows(), rows.ncols()
    W = [fmpq(*map(int, value.as_integer_ratio())) for value in w.tolist()]
    weighted = fmpq_mat(n, c, [rows[i, j] * W[i] for i in range(n) for j in range(c)])
    bread = (rows.transpose() * weighted).inv()
    targets = fmpq_mat(n, 1, [fmpq(*map(int, value.as_integer_ratio())) for value in y.tolist()])
    left = targets - rows * (bread * (weighted.transpose() * targets))
    h = exact_leverages(rows, rows, [Fraction(value) for value in w.tolist()])
    free = [1 - fmpq(share.numerator, share.denominator) * W[i] for i, share in enumerate(h)]
    scores = fmpq_mat(n, c, [weighted[i, j] * left[i, 0] for i in range(n) for j in range(c)])
    if kind == "cluster":
        ids = sorted(set(groups.tolist()))
        member = fmpq_mat(len(ids), n, [int(groups[i] == g) for g in ids for i in range(n)])
        scores = member * scores
        factor = fmpq(len(ids), len(ids) - 1) * fmpq(n - 1, n - c)
        meat = scores.transpose() * scores * factor
    else:
        power = {"HC0": 0, "HC1": 0, "HC2": 1, "HC3": 2}[kind]
        over = fmpq_mat(n, c, [scores[i, j] / free[i] ** power for i in range(n) for j in range(c)])
        meat = scores.transpose() * over * (fmpq(n, n - c) if kind == "HC1" else fmpq(1))
    V = bread * meat * bread
    return [[fraction(V[i, j]) for j in range(c)] for i in range(c)]


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**32), offset=st.sampled_from([0, 10**6]), weighting=st.sampled_from([None, "precision", "frequency"])
)
@pytest.mark.parametrize("kind", KINDS)
def test_covariances_are_those_of_exact_arithmetic_in_any_order_of_rows(
    kind: Robust, seed: int, offset: int, weighting: str | None
) -> None:
    """To 12 digits of the standard errors, columns 1e6 times their spread from zero included, and to the bit in any order."""
    rng = np.random.default_rng(seed)
    n = 24
    X = rng.integers(-999, 999, size=(n, 3)) / 8 + offset
    y = X[:, 0] - X[:, 1] + rng.integers(-999, 999, size=n) / 64 * (1 + np.abs(X[:, 2] - offset))
    weights = None if weighting is None else rng.integers(1, 5, size=n) / (1 if weighting == "frequency" else 8)
    groups = rng.integers(0, 6, size=n).astype(np.float64)
    groups[:6] = np.arange(6)
    case = Case(X, y, weights, weighting == "frequency")
    found, expected = case.covariance(kind, groups), exact_covariance(case, kind, groups)
    assert found.values is not None
    sizes = [sqrt(row[i]) for i, row in enumerate(expected)]
    assert found.std_error == pytest.approx(sizes, rel=1e-12)
    for i, row in enumerate(expected):
        for j, value in enumerate(row):
            assert found.values[i, j] == pytest.approx(float(value), abs=1e-12 * sizes[i] * sizes[j])
    order = rng.permutation(n)
    again = case.covariance(kind, groups, (order[:7], order[7:8], order[8:]))
    assert again.values is not None
    assert np.array_equal(found.values, again.values)


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_a_row_that_its_own_coefficient_fits_has_no_error_to_tell(kind: Robust) -> None:
    """Its residual is 0 whatever its noise was. R answers NaN; here there is none, and the row is named."""
    X = np.column_stack([np.arange(9.0), np.arange(9) == 6])
    found = Case(X, np.arange(9.0) ** 2).covariance(kind)
    assert found.values is None
    assert "row 6 " in (found.reason or "")


def test_what_intervals_are_made_of_is_the_variance_of_each_fitted_value() -> None:
    """In units of sigma^2; far from 0, where V's own entries cancel, as well."""
    rng = np.random.default_rng(1)
    x = np.arange(1990.0, 2020.0)[:, None]
    case = Case(x, rng.normal(size=30) * (x[:, 0] - 1980), degree=3)
    near = Case(x - 2000, case.y, degree=3)
    found, expected = (one.covariance("HC1") for one in (case, near))
    assert found.meat is not None
    assert expected.values is not None
    powers = np.column_stack([(x - 2000) ** power for power in range(4)])
    variance = np.einsum("mi,ij,mj->m", powers, expected.values, powers)
    assert case.fit.sigma is not None
    got = variances(case.influence.spread, found.meat, x, "float64") * case.fit.sigma**2
    assert got == pytest.approx(variance, rel=1e-10)
    even = np.eye(4)
    assert variances(case.influence.spread, even, x, "float64") == pytest.approx(
        leverages(case.influence.spread, x, "float64"), rel=1e-13
    )


def test_one_cluster_says_nothing_of_how_clusters_differ() -> None:
    """Refused, with how many there are."""
    with pytest.raises(TooFewClusters) as refused:
        schools().covariance("cluster", np.zeros(50))
    assert refused.value.n_clusters == 1


def test_more_clusters_than_there_is_room_for_are_refused() -> None:
    """What their sums take is bounded."""
    sums = GroupSums(2, 1.0, 10)
    sums.add(np.zeros((1, 2)), np.array([MOST_GROUPS - 1]))
    with pytest.raises(TooManyClusters) as refused:
        sums.add(np.zeros((1, 2)), np.array([MOST_GROUPS]))
    assert refused.value.limit == MOST_GROUPS
