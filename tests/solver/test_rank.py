"""What becomes of columns that depend on each other, exactly or but for rounding."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.errors import RankDeficient, TooFewRows
from service.solver.inference import inference
from service.solver.least_squares import PENALISED, LeastSquares, least_squares
from service.solver.moments import Moments
from service.solver.terms import Term, Terms

Floats = NDArray[np.float64]
DATA: dict[str, Any] = json.loads(Path(__file__).with_name("nist_strd.json").read_text())


def fitted(X: Floats, y: Floats | None = None, **options: Any) -> LeastSquares:
    names = [f"x{1 + j}" for j in range(X.shape[1])]
    target = np.arange(len(X)) ** 2.0 if y is None else y
    numbers = options.pop("numbers", "float64")
    moments = Moments.of(np.column_stack([X, target]), (*names, "y"), numbers)
    return least_squares(moments, "y", names, **options)


def refused(X: Floats, **options: Any) -> RankDeficient:
    with pytest.raises(RankDeficient) as error:
        fitted(X, **options)
    return error.value


def total(parts: Floats) -> Floats:
    """Added up from left to right, as people do."""
    result = np.zeros(len(parts))
    for part in parts.T:
        result = result + part
    return result


COMPUTED: dict[str, Callable[[Floats], Floats]] = {
    "total": lambda parts: np.column_stack([parts, total(parts)]),
    "total by numpy": lambda parts: np.column_stack([parts, parts.sum(axis=1)]),
    "mean": lambda parts: np.column_stack([parts, parts.mean(axis=1)]),
    "difference": lambda parts: np.column_stack([parts, parts[:, 0] - parts[:, 1] / 3]),
    "shares that sum to 1": lambda parts: np.abs(parts) / total(np.abs(parts))[:, None],
    "scaled copy": lambda parts: np.column_stack([parts, 0.1 * parts[:, 0]]),
    "unit conversion": lambda parts: np.column_stack([parts, (parts[:, 0] - 32) * 5 / 9]),
    "any combination": lambda parts: np.column_stack([parts, parts @ np.linspace(-1, 2, parts.shape[1])]),
}


@pytest.mark.parametrize("k", [2, 3, 8, 20])
@pytest.mark.parametrize("kind", COMPUTED)
def test_no_column_that_was_computed_from_others_passes(kind: str, k: int) -> None:
    """Of doubles of all sorts: uniform, normal, skewed over many orders of magnitude, prices, on offsets."""
    rng = np.random.default_rng([k, len(kind)])
    for n in (50, 200):
        for parts in (
            rng.uniform(size=(n, k)),
            rng.normal(size=(n, k)) * 10.0 ** rng.integers(-6, 7),
            rng.lognormal(0, 3, size=(n, k)),
            rng.uniform(0, 1000, size=(n, k)).round(2) + 0.01,
            rng.normal(size=(n, k)) + 1e5,
        ):
            refusal = refused(COMPUTED[kind](parts))
            assert len(refusal.dependent) == 1


def well_posed(rng: np.random.Generator) -> dict[str, Floats]:
    n, p = int(rng.choice([15, 50, 200])), int(rng.integers(2, 9))
    orthogonal, _ = np.linalg.qr(rng.normal(size=(n, p)))
    turned, _ = np.linalg.qr(rng.normal(size=(p, p)))
    near = rng.normal(size=(n, 1)) + 10.0 ** -rng.uniform(1, 10) * rng.normal(size=(n, p))
    return {
        "any condition number up to 1e13": orthogonal * np.geomspace(1, 10.0 ** -rng.uniform(0, 13), p) @ turned,
        "times of some milliseconds": 1.5e9 + np.sort(rng.uniform(0, 0.01, size=(n, 1)), axis=0),
        "nearly equal": near,
        "powers up to 10": rng.uniform(-1, 1, size=(n, 1)) ** np.arange(1, 11),
        "years, squared and cubed": (2000 + np.arange(n)[:, None] / 10) ** np.arange(1, 4),
    }


@pytest.mark.parametrize("seed", range(20))
def test_no_well_posed_design_is_refused(seed: int) -> None:
    """However near the columns come to each other: what is left of each is data, and not rounding."""
    for X in well_posed(np.random.default_rng(seed)).values():
        assert fitted(X).rank == 1 + X.shape[1]


@pytest.mark.parametrize("name", sorted(DATA))
def test_none_of_the_reference_sets_is_refused(name: str) -> None:
    """Not Filip's either, a polynomial of degree ten in powers that were rounded to doubles."""
    x = np.array(DATA[name]["x"], float)
    X = x if DATA[name]["degree"] == 1 else x ** np.arange(1, DATA[name]["degree"] + 1)
    fitted(X, np.array(DATA[name]["y"], float), fit_intercept=DATA[name]["intercept"])


def test_a_refusal_to_rounding_says_so_and_names_the_relation() -> None:
    """The relation is that of the data: what does not belong to it is left out, the digits are few."""
    rng = np.random.default_rng(1)
    a, b, c = rng.uniform(size=(3, 40))
    refusal = refused(np.column_stack([a, b, 0.1 * a + b / 3 - 0.7, c]))

    assert (refusal.rank, refusal.dependent, refusal.involved) == (4, ("x3",), ("x1", "x2", "x3"))
    assert refusal.relations == ("x3 ≈ 0.1*x1 + 0.333333*x2 - 0.7",)
    assert refusal.to_rounding
    assert str(refusal) == "rank 4; dependent to the rounding of doubles: x3 ≈ 0.1*x1 + 0.333333*x2 - 0.7"
    assert vars(pickle.loads(pickle.dumps(refusal))) == vars(refusal)  # noqa: S301


def test_an_exact_refusal_names_all_the_columns_involved() -> None:
    """With the relation too long to read, the columns are named still."""
    A = np.random.default_rng(2).integers(0, 99, size=(30, 8)).astype(float)
    refusal = refused(np.column_stack([A, A[:, :7].sum(axis=1)]))

    assert (refusal.dependent, refusal.relations) == (("x9",), ())
    assert refusal.involved == ("x1", "x2", "x3", "x4", "x5", "x6", "x7", "x9")
    assert not refusal.to_rounding


def test_a_column_that_is_constant_to_rounding_is_refused() -> None:
    """0.1 + 0.2 is not 0.3 in doubles, and no variable either."""
    assert refused(np.array([[0.3], [0.1 + 0.2]] * 5)).relations == ("x1 ≈ 0.3",)


def test_all_dependent_columns_are_named_those_to_rounding_among_the_exact() -> None:
    """Two relations, one of each sort: "allow" would not help."""
    a, b, c = np.random.default_rng(3).uniform(size=(3, 40))
    refusal = refused(np.column_stack([a, b, a + b, c, 2 * c]))
    assert (refusal.rank, refusal.dependent, refusal.to_rounding) == (4, ("x3", "x5"), False)
    assert refusal.relations == ("x3 ≈ x1 + x2", "x5 = 2*x4")


INDICATORS = Terms(tuple(Term(f"x{j + 1}", ((j, 1),)) for j in range(3)), frozenset(range(3)))


@pytest.mark.parametrize(("numbers", "terms"), [("float64", INDICATORS), ("decimal", None)])
def test_columns_that_are_exact_by_construction_depend_only_exactly(numbers: str, terms: Terms | None) -> None:
    """Products and indicators are not rounded, nor are decimals: a difference in the last digit is a difference."""
    X = np.random.default_rng(4).integers(1, 10**6, size=(30, 2)) / 10**6
    X = np.column_stack([X, X.sum(axis=1).round(6)])
    X[0, 2] += 1e-14
    assert fitted(X, numbers=numbers, terms=terms).rank == 4


def test_whole_numbers_are_not_rounded() -> None:
    """Counts of a total that is one out once are four columns."""
    A = np.random.default_rng(5).integers(0, 2**50, size=(30, 2)).astype(float)
    total = A.sum(axis=1)
    total[0] += 1
    assert fitted(np.column_stack([A, total])).rank == 4


def test_allow_fits_what_depends_to_rounding_and_refuses_what_does_exactly() -> None:
    """Exactly dependent columns have no single answer that could be given."""
    a, b = np.random.default_rng(6).uniform(size=(2, 40))
    assert fitted(np.column_stack([a, b, a + b]), rank_deficient="allow").rank == 4
    assert not refused(np.column_stack([a, b, 2 * a]), rank_deficient="allow").to_rounding


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_dropping_gives_the_fit_of_the_columns_that_are_left(fit_intercept: bool) -> None:
    """As R does: the later column is dropped; what is left is fitted as if the dropped had never been there."""
    rng = np.random.default_rng(7)
    a, b, c, y = rng.uniform(size=(4, 40))
    fit = fitted(np.column_stack([a, 2 * a, b, a + b, c]), y, fit_intercept=fit_intercept, rank_deficient="drop")
    alone = fitted(np.column_stack([a, b, c]), y, fit_intercept=fit_intercept)

    assert fit.dropped == ("x2", "x4")
    assert fit.coef == (alone.coef[0], None, alone.coef[1], None, alone.coef[2])
    assert fit.std_error[fit_intercept:] == (
        *alone.std_error[fit_intercept:][:1],
        None,
        *alone.std_error[-2:-1],
        None,
        alone.std_error[-1],
    )
    assert fit.evaluation.hi[2] == fit.evaluation.hi[4] == fit.evaluation.lo[2] == fit.evaluation.lo[4] == 0
    assert (fit.intercept, fit.sigma, fit.r2, fit.rank) == (alone.intercept, alone.sigma, alone.r2, alone.rank)
    assert (fit.df_resid, fit.condition_number, fit.supported_digits) == (
        alone.df_resid,
        alone.condition_number,
        alone.supported_digits,
    )
    assert [row.estimate is None for row in inference(fit)][-5:] == [False, True, False, True, False]
    assert inference(fit)[-2].reason == "dropped: x4 ≈ x1 + x3"
    assert (fit.reasons["x2"], fit.reasons["x4"]) == ("dropped: x2 = 2*x1", "dropped: x4 ≈ x1 + x3")


def test_the_same_columns_are_dropped_in_any_scale() -> None:
    """Of many dependent ones, each is the last of its relation."""
    rng = np.random.default_rng(8)
    A = rng.normal(size=(60, 5)) * 10.0 ** np.array([-9, 0, 4, 9, 2])
    X = np.column_stack([A[:, :2], A[:, 0] * 3.3, A[:, 2], A[:, :3] @ [1e9, 0.1, 7], A[:, 3:], A @ [1, 1, 1, 1, 0.1]])
    assert fitted(X, rank_deficient="drop").dropped == ("x3", "x5", "x8")


def test_fewer_rows_than_columns_are_enough_to_drop_or_for_the_least_norm() -> None:
    """As many columns as there are rows are kept, less one for the intercept."""
    X, y = np.random.default_rng(9).normal(size=(2, 5, 9))
    dropped = fitted(X, y[:, 0], rank_deficient="drop")
    shortest = fitted(X, y[:, 0], rank_deficient="minimum_norm")

    assert (dropped.rank, len(dropped.dropped), dropped.r2, dropped.df_resid) == (5, 5, 1.0, 0)
    assert (shortest.rank, shortest.r2, shortest.mse, shortest.sigma) == (5, 1.0, 0.0, None)
    beta = np.linalg.lstsq(X - X.mean(axis=0), y[:, 0] - y[:, 0].mean())[0]
    np.testing.assert_allclose(np.array(shortest.coef, float), beta, rtol=1e-12)
    with pytest.raises(TooFewRows):
        fitted(X, y[:, 0])
    with pytest.raises(TooFewRows):
        fitted(X[:0], y[:0, 0], rank_deficient="minimum_norm")


def test_a_total_to_rounding_has_the_least_norm_of_an_exact_one() -> None:
    """No coefficient of 1e15: the total is taken for the sum that it was meant to be."""
    rng = np.random.default_rng(10)
    A = rng.uniform(size=(40, 2))
    X = np.column_stack([A, A.sum(axis=1)])
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=40)
    fit = fitted(X, y, rank_deficient="minimum_norm")

    beta = np.linalg.pinv(X - X.mean(axis=0), rcond=1e-10) @ (y - y.mean())
    np.testing.assert_allclose(np.array(fit.coef, float), beta, rtol=1e-12)
    assert (fit.rank, fit.condition_number, fit.supported_digits) == (3, None, None)
    assert {"condition_number", "supported_digits"} <= fit.reasons.keys()


@pytest.mark.parametrize("policy", ["drop", "minimum_norm"])
def test_a_policy_changes_nothing_where_the_rank_is_full(policy: str) -> None:
    """It is one and the same fit."""
    X, y = np.random.default_rng(11).normal(size=(20, 3)), np.arange(20.0) ** 2
    assert fitted(X, y, rank_deficient=policy) == fitted(X, y)


@pytest.mark.parametrize("policy", ["drop", "minimum_norm"])
def test_constant_columns_alone_leave_the_mean(policy: str) -> None:
    """Nothing is left to fit but the intercept."""
    fit = fitted(np.ones((4, 2)), np.array([1.0, 2, 3, 5]), rank_deficient=policy)
    assert (fit.intercept, fit.rank, fit.df_resid) == (2.75, 1, 3)
    assert fit.coef == ((None, None) if policy == "drop" else (0.0, 0.0))


def test_a_penalised_fit_is_never_refused() -> None:
    """Duplicated columns share the coefficient; sigma is not told."""
    a = np.random.default_rng(12).normal(size=30)
    fit = fitted(np.column_stack([a, a]), 2 * a, l2=0.5)
    assert fit.coef[0] == fit.coef[1]
    assert (fit.sigma, set(fit.std_error), fit.supported_digits) == (None, {None}, None)
    assert {row.reason for row in inference(fit)} == {PENALISED}
    assert {fit.reasons[name] for name in ("sigma", "std_error", "condition_number", "supported_digits")} == {PENALISED}
