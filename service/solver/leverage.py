"""How far a row lies from the rows of a fit, its leverage, and the intervals of its prediction that follow from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from flint import arb, arb_mat, fmpq

from service.solver.balls import precision
from service.solver.centre import Expansion, expanded, expansion
from service.solver.centred import Centred, centred
from service.solver.double_double import Floats, split, two_product, two_sum
from service.solver.errors import NoFeatures, TooFewRows
from service.solver.evaluation import Factors, blocks, dot
from service.solver.inverse_factor import inverse_factor
from service.solver.least_squares import least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.rounding import nearest_pair
from service.solver.student import quantile
from service.solver.term_values import Plan, as_column, term_values
from service.solver.terms import Term, Terms
from service.solver.triangular import Triangular
from service.solver.units import BASE

Pair = tuple[float, float]

_FIRST_BITS = 192
# Below this part of its column's share an entry is 0: nothing else can decide that of balls around it.
NOTHING_BITS = 130
# A ball of so many bits that rounds to two pairs holds the midpoint of them, and either will do.
_ENOUGH_BITS = 160


@dataclass(frozen=True, eq=False)
class Spread:
    """What leverages are made of: h = constant + |lead + factor (z - mean)|^2, the parts in twice the digits.

    z are the terms of a row, or of a row less the centre. Then there are P of them, of which p dropped ones are some.
    """

    terms: tuple[Term, ...] | None  # (P,) None: the columns of a row are the terms
    centre: tuple[float, ...]  # (b,) of the base columns; () for 0
    constant: float  # 1 / sum of weights, or 0 without an intercept
    mean: Floats  # (2, P) hi and lo; 0 without an intercept
    factor: Floats  # (2, p, P) hi and lo of the inverse Cholesky factor of the (centred) cross products, lower triangular
    lead: Floats | None  # (2, p) hi and lo of what the terms less the mean lack, without an intercept but with a centre
    constant_rest: float = 0.0  # what the constant lacks

    @cached_property
    def factors(self) -> Factors:
        """What the terms of a row are multiplied by, (P, 1, p) each."""
        hi, lo = self.factor.transpose(0, 2, 1)[:, :, None, :].copy()
        return hi, lo, split(hi)

    @cached_property
    def triangular(self) -> Triangular:
        """The same factor, for many rows."""
        return Triangular.of(self.factor)

    @cached_property
    def centre_column(self) -> Floats | None:
        """(b, 1), or None for 0."""
        return as_column(self.centre)


def spread(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool, terms: Terms | None = None) -> Spread:
    """What the leverages of a fit are made of, each part exact before it was rounded to hi + lo.

    Args: terms: what the moments' columns but the target are made of, of which the features are some, in order; None: the
    features are columns of the rows as they are.
    Raises: UnknownColumn; NoFeatures; TooFewRows; RankDeficient: as `least_squares`, but for what depends to rounding only.
    """
    names = tuple(features)
    equation = equation_of(moments, target, names, fit_intercept)
    constant, constant_rest = _pair(1 / (equation.total * equation.weight_unit)) if fit_intercept else (0.0, 0.0)
    about = None if terms is None else expansion(moments, target, terms)
    kept = None if terms is None else [i for i, term in enumerate(terms.each) if term.name in set(names)]
    if terms is None or kept is None or about is None:
        factor = stacked(decided(lambda: of_terms(equation)), len(names))
        made_of = None if terms is None or kept is None else tuple(terms.each[i] for i in kept)
        return Spread(made_of, (), constant, _pairs(means_of(equation)), factor, None, constant_rest)
    factor = stacked(decided(lambda: _of_powers(equation, about.select(kept), kept)), 1 + len(terms.each))
    means = _means(moments, terms, about.centre) if fit_intercept else [fmpq(0)] * len(terms.each)
    lead = None if fit_intercept else factor[:, :, 0].copy()
    return Spread(terms.each, about.centre, constant, _pairs(means), factor[:, :, 1:].copy(), lead, constant_rest)


def equation_of(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> Centred:
    """The balanced equation of a fit whose columns are independent. Raises: as `spread`."""
    names = tuple(features)
    n_coef = len(names) + fit_intercept
    if n_coef == 0:
        raise NoFeatures
    chosen = moments.select((*names, target))
    plain = centred(chosen, fit_intercept)
    if plain.n_samples < n_coef:
        raise TooFewRows(plain.n_samples, n_coef)
    if plain.gram.rank() < len(names):
        least_squares(chosen, target, names, fit_intercept, rank_deficient="allow")  # says how
        raise ArithmeticError("a fit of full rank has a singular equation")
    return plain.balanced()


def means_of(equation: Centred) -> list[fmpq]:
    """Of the columns; 0 without an intercept."""
    if not equation.fit_intercept:
        return [fmpq(0)] * equation.n_features
    return [unit * equation.right[j, 1] / equation.total for j, unit in enumerate(equation.units)]


def _means(moments: Moments, terms: Terms, centre: Sequence[float]) -> list[fmpq]:
    """Of the powers of x - centre, from those of x."""
    chosen = moments.select([term.name for term in terms.each])
    base = fmpq(BASE[moments.numbers])
    means = [fmpq(1)]
    means += [fmpq(chosen.sums[0, 1 + k], chosen.total) * base**-unit for k, unit in enumerate(chosen.units)]
    back = expanded(terms, [-value for value in centre])
    return [sum((weight * means[i] for i, weight in row.items()), fmpq(0)) for row in back]


def decided(rows: Callable[[], list[list[Pair | None]]]) -> list[list[Pair]]:
    """The rows at the least precision that decides every entry."""
    bits = _FIRST_BITS
    while True:
        with precision(bits):
            try:
                found = rows()
            except ZeroDivisionError:
                found = [[None]]
        decided = [[pair for pair in row if pair is not None] for row in found]
        if all(len(ours) == len(theirs) for ours, theirs in zip(decided, found, strict=True)):
            return decided
        bits *= 2


def whitening(equation: Centred) -> list[list[arb]]:
    """The inverse factor of the gram matrix, as of X'WX, in the units of the columns: rows of 1, 2, ... entries."""
    whole = arb(equation.scale / equation.weight_unit).sqrt()
    factors = [whole / arb(unit) for unit in equation.units]
    rows = inverse_factor([[arb(entry) for entry in row] for row in equation.gram.tolist()])
    return [[entry * factor for entry, factor in zip(row, factors, strict=False)] for row in rows]


def of_terms(equation: Centred) -> list[list[Pair | None]]:
    """The same, each entry as a pair, if the balls decide it."""
    whole = arb(equation.scale / equation.weight_unit).sqrt()
    nothing = [
        arb(2) ** -NOTHING_BITS * whole / (arb(equation.gram[j, j]).sqrt() * arb(unit))
        for j, unit in enumerate(equation.units)
    ]
    return [[rounded(entry, least) for entry, least in zip(row, nothing, strict=False)] for row in whitening(equation)]


def _of_powers(equation: Centred, about: Expansion, kept: Sequence[int]) -> list[list[Pair | None]]:
    """The factor times the expansion: of the constant and all powers up to the row's own."""
    p, n_powers = len(kept), len(about.sizes)
    shares = arb_mat(p, n_powers)
    for i, weights in enumerate(about.rows):
        for m, weight in weights.items():
            shares[i, m] = arb(weight)
    rows = whitening(equation)
    product = arb_mat([row + [arb(0)] * (p - len(row)) for row in rows]) * shares if p else shares
    total = arb(equation.total * equation.weight_unit).sqrt()
    nothing = [arb(2) ** (-NOTHING_BITS - size) / total for size in about.sizes]
    return [[rounded(product[i, m], nothing[m]) for m in range(2 + own)] for i, own in enumerate(kept)]


def rounded(entry: arb, nothing: arb) -> Pair | None:
    """As a pair, 0 below `nothing`; None if the ball leaves it undecided."""
    pair = (0.0, 0.0) if abs(entry) < nothing else nearest_pair(entry)
    if pair is None and entry.rel_accuracy_bits() > _ENOUGH_BITS:
        pair = nearest_pair(entry.mid())
    return pair


def stacked(rows: Sequence[Sequence[Pair]], width: int) -> Floats:
    """Rows of pairs as hi and lo, (2, len(rows), width), 0 after their ends."""
    factor = np.zeros((2, len(rows), width))
    for i, row in enumerate(rows):
        factor[:, i, : len(row)] = np.array(row).T
    return factor


def _pairs(values: Sequence[fmpq]) -> Floats:
    pairs = [_pair(value) for value in values]
    return np.array(pairs).reshape(len(pairs), 2).T.copy()


def _pair(value: fmpq) -> Pair:
    return nearest_pair(value) or (0.0, 0.0)  # of a rational it is never None


def leverages(spread: Spread, X: Floats, numbers: Numbers) -> Floats:
    """Each row's x' (X' W X)^-1 x, of base columns (m, b) -> (m,), the intercept's part included, right to 13 digits.

    Infinite beyond a double.
    """
    results = np.empty(len(X))
    plan = None if spread.terms is None else Plan.of(spread.terms, X.shape[1])
    factors = spread.factors
    with np.errstate(over="ignore", invalid="ignore"):
        # A piece's temporaries are of rows x terms x coordinates: by more of them at once it takes twice as long.
        for rows in blocks(len(X), 4 * max(factors[0].size, 1 if plan is None else plan.n_columns)):
            hi, lo = _less_mean(spread, *term_values(X[rows], numbers, plan, spread.centre_column))
            total, rest = dot((hi[:, :, None], lo[:, :, None]), factors)
            if spread.lead is not None:
                total, error = two_sum(total, spread.lead[0])
                rest = rest + error + spread.lead[1]
            results[rows] = spread.constant + ((total + rest) ** 2).sum(axis=1)
    results[~np.isfinite(results)] = math.inf
    return results


def whitened(spread: Spread, X: Floats, numbers: Numbers) -> tuple[Floats, Floats]:
    """The coordinates of rows (m, b) whose squares add up to their leverages, hi and lo, (m, c); the intercept's first.

    Of the rows of the fit, each times the root of its weight, they are orthonormal.
    """
    first, c = int(spread.constant > 0), spread.factor.shape[1]
    plan = None if spread.terms is None else Plan.of(spread.terms, X.shape[1])
    hi, lo = np.empty((len(X), first + c)), np.empty((len(X), first + c))
    if first:
        hi[:, 0], lo[:, 0] = root(spread.constant, spread.constant_rest)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(X), 2 * max(c, 1 if plan is None else plan.n_columns)):
            values = _less_mean(spread, *term_values(X[rows], numbers, plan, spread.centre_column))
            total, rest = spread.triangular.times(*values)
            if spread.lead is not None:
                total, error = two_sum(total, spread.lead[0][:, None])
                rest += error + spread.lead[1][:, None]
            value = total + rest
            hi[rows, first:], lo[rows, first:] = value.T, (rest - (value - total)).T
    return hi, lo


def root(square: float, rest: float) -> Pair:
    """Of square + rest, to twice the digits."""
    value = math.sqrt(square)
    high, low = split(np.array(value))
    product, error = two_product(np.array(value), np.array(value), (high, low))
    return value, float((square - product) - error + rest) / (2 * value)


def _less_mean(spread: Spread, hi: Floats, lo: Floats | None) -> tuple[Floats, Floats]:
    """The terms less their means, (P, m) hi and lo."""
    mean, mean_rest = spread.mean[:, :, None]
    total, rest = two_sum(hi, -mean)
    rest += -mean_rest if lo is None else lo - mean_rest
    value = total + rest
    return value, rest - (value - total)


def intervals(
    predictions: Floats,
    leverages: Floats,
    sigma: float,
    df_resid: int,
    level: float,
    kind: Literal["confidence", "prediction"],
) -> tuple[Floats, Floats]:
    """The ends (m,), (m,) between which the mean of y at x, or one more y of weight 1 there, lies at probability `level`."""
    variance = leverages if kind == "confidence" else 1 + leverages
    margin = np.sqrt(variance) * (quantile(df_resid, level) * sigma) if sigma else np.zeros(len(predictions))
    return predictions - margin, predictions + margin
