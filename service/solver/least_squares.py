"""Ordinary least squares from the moments, every figure the exact one correctly rounded.

The normal equation is solved in ball arithmetic, at doubled precision until both ends of the ball of every figure round
to the same double: that is the proof that it is the exact one rounded. What balls cannot decide, because the exact figure
is 0 or midway between two doubles, is decided in rationals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Generic, TypeAlias, TypeVar

from flint import arb, arb_mat, fmpq, fmpq_mat

from service.solver.balls import precision
from service.solver.centred import Centred, centred
from service.solver.dependence import refuse_dependent
from service.solver.errors import CoefficientOutOfRange, NoFeatures, TooFewRows
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.solver.rounding import nearest, nearest_pair, nearest_root

Number = TypeVar("Number", arb, fmpq)
_Figure: TypeAlias = float | tuple[float, float]
_Question: TypeAlias = tuple[Callable[[Number], _Figure | None], Callable[[], Number]]

CONSTANT_TARGET = "the target is constant: there is no variation to explain"
ZERO_TARGET = "the target is zero everywhere: there is nothing to explain"
NO_DF = "as many coefficients as rows: no degrees of freedom are left"
TOO_LARGE = "larger than the largest double"

# 192 bits decide a fit whose X'X has a condition number up to 1e24, remainders included; the next are for worse ones.
_BITS = (192, 384, 768, 1024)
# Up to here rationals cost less than the next balls (4 features of 53 bits: 130 us), so they come second.
_FEW_FEATURES = 4


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """A fit. A figure that does not exist, or exceeds a double, is None, and `reasons` says why under its name."""

    n_samples: int
    feature_names: tuple[str, ...]
    fit_intercept: bool
    intercept: float  # 0.0 when not fitted
    coef: tuple[float, ...]  # (p,)
    std_error: tuple[float | None, ...]  # intercept first when fitted
    sigma: float | None  # sqrt(sum of squared residuals / df_resid)
    mse: float | None  # sum of squared residuals / n_samples
    rmse: float | None
    r2: float | None  # about the mean; about 0 without an intercept
    df_resid: int
    rank: int  # of the columns, that of ones included when the intercept is fitted
    evaluation: Evaluation
    reasons: dict[str, str] = field(default_factory=dict)


def least_squares(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool = True) -> LeastSquares:
    """Fit `target` on `features` by least squares.

    Raises: UnknownColumn; NoFeatures: nothing to fit; TooFewRows: fewer rows than coefficients; RankDeficient: a
    column is a linear combination of others; CoefficientOutOfRange: a coefficient exceeds a double.
    """
    equation = centred(moments, target, features, fit_intercept)
    n_coef = len(features) + fit_intercept
    if n_coef == 0:
        raise NoFeatures
    if equation.n_samples < n_coef:
        raise TooFewRows(equation.n_samples, n_coef)
    figures = _figures(equation, tuple(features))
    return _reported(equation, tuple(features), iter(figures))


@dataclass(frozen=True, slots=True, eq=False)
class _Solved(Generic[Number]):
    """A solution in the equation's integers, C = gram^-1: exact, or balls that hold the exact one."""

    beta: list[Number]  # (p,) C X'y
    form: list[list[Number]]  # right' C right: the explained square first
    diagonal: Callable[[int], Number]  # C[i, i]


def _figures(equation: Centred, features: tuple[str, ...]) -> list[_Figure]:
    """All figures in the order of `_questions`, each from the first of ever more precise solutions that decides it."""
    known: list[_Figure | None] = []
    exact: list[_Question[fmpq]] = []
    scaled = equation.balanced()
    mse = equation.n_features + equation.fit_intercept
    for bits in _BITS if equation.n_features > _FEW_FEATURES else _BITS[:1]:
        with precision(bits):
            try:
                questions = _questions(scaled, _solved_in_balls(scaled))
            except ZeroDivisionError:
                refuse_dependent(equation, features)
                continue
            known = _answers(questions, known)
        if None not in known:
            return _decided(known)
        if known[mse] is None and not exact:
            # Mostly an exact line, whose short solution rationals find in less time than balls (100 features: 15 ms),
            # and whose standard errors, all 0, need no inverse.
            exact = _questions(equation, _solved_in_rationals(equation))
            if exact[mse][1]() == 0:
                break
    exact = exact or _questions(equation, _solved_in_rationals(equation))
    return _decided(_answers(exact, known))


def _decided(figures: list[_Figure | None]) -> list[_Figure]:
    return [figure for figure in figures if figure is not None]


def _answers(questions: list[_Question[Number]], known: list[_Figure | None]) -> list[_Figure | None]:
    known = known or [None] * len(questions)
    return [rounded(value()) if old is None else old for (rounded, value), old in zip(questions, known, strict=True)]


def _solved_in_balls(equation: Centred) -> _Solved[arb]:
    """At the precision in force. Raises: ZeroDivisionError: singular, as far as balls can tell."""
    inverse = arb_mat(equation.gram).inv()
    solution = inverse * equation.right
    form = equation.right.transpose() * solution
    beta = [solution[i, 0] for i in range(equation.n_features)]
    return _Solved(beta, form.tolist(), lambda i: inverse[i, i])


def _solved_in_rationals(equation: Centred) -> _Solved[fmpq]:
    """Exactly, without an inverse, which would have p**2 of p times as many digits; C[i, i] where asked for."""
    p = equation.n_features
    gram = fmpq_mat(equation.gram)
    solution = gram.solve(fmpq_mat(equation.right))
    form = fmpq_mat(equation.right.transpose()) * solution

    def diagonal(i: int) -> fmpq:
        return gram.solve(fmpq_mat(p, 1, [int(i == j) for j in range(p)]))[i, 0]

    return _Solved([solution[i, 0] for i in range(p)], form.tolist(), diagonal)


def _questions(equation: Centred, solved: _Solved[Number]) -> list[_Question[Number]]:
    """Every figure that exists, as its rounding and its exact value: theta, mse, rmse, r2, sigma, standard errors."""
    n, df, unit = equation.n_samples, equation.df_resid, equation.target_unit
    explained = solved.form[0][0]
    rss = (equation.target_square - explained) * (unit * unit / equation.scale) if df else 0 * explained
    theta = [beta * (unit / own) for beta, own in zip(solved.beta, equation.units, strict=True)]
    if equation.fit_intercept:
        theta.insert(0, (equation.target_sum - solved.form[1][0]) * (unit / n))

    def variance(i: int) -> Number:
        if rss == 0:
            return rss
        if i < 0:
            return rss * (1 + solved.form[1][1]) * fmpq(1, df * n)
        return rss * solved.diagonal(i) * (fmpq(equation.scale, df) / (equation.units[i] * equation.units[i]))

    questions: list[_Question[Number]] = [(nearest_pair, partial(_same, value)) for value in theta]
    mse = rss * fmpq(1, n)
    questions += [(nearest, lambda: mse), (nearest_root, lambda: mse)]
    if equation.target_square != 0:
        questions.append((nearest, lambda: explained * fmpq(1, equation.target_square)))
    if df:
        questions.append((nearest_root, lambda: rss * fmpq(1, df)))
        questions += [(nearest_root, partial(variance, i)) for i in range(-equation.fit_intercept, equation.n_features)]
    return questions


def _same(value: Number) -> Number:
    return value


def _reported(equation: Centred, features: tuple[str, ...], figures: Iterator[Any]) -> LeastSquares:
    """Name the figures, and say why those are missing that are."""
    n_coef = len(features) + equation.fit_intercept
    theta = list(islice(figures, n_coef))
    if not equation.fit_intercept:
        theta.insert(0, (0.0, 0.0))
    for name, (value, _) in zip(("intercept", *features), theta, strict=True):
        if math.isinf(value):
            raise CoefficientOutOfRange(name)
    mse, rmse = islice(figures, 2)
    r2 = next(figures) if equation.target_square != 0 else None
    sigma, *std_error = figures if equation.df_resid else [None] * (1 + n_coef)
    reasons = {}
    if r2 is None:
        reasons["r2"] = CONSTANT_TARGET if equation.fit_intercept else ZERO_TARGET
    if sigma is None:
        reasons |= dict.fromkeys(("sigma", "std_error"), NO_DF)
    named = {"sigma": (sigma,), "mse": (mse,), "rmse": (rmse,), "std_error": std_error}
    reasons |= {name: TOO_LARGE for name, values in named.items() if math.inf in values}
    hi, lo = zip(*theta, strict=True)
    return LeastSquares(
        n_samples=equation.n_samples,
        feature_names=features,
        fit_intercept=equation.fit_intercept,
        intercept=hi[0],
        coef=hi[1:],
        std_error=tuple(map(_finite, std_error)),
        sigma=_finite(sigma),
        mse=_finite(mse),
        rmse=_finite(rmse),
        r2=r2,
        df_resid=equation.df_resid,
        rank=n_coef,
        evaluation=Evaluation(hi, lo),
        reasons=reasons,
    )


def _finite(value: float | None) -> float | None:
    return None if value == math.inf else value
