"""Linear combinations of the coefficients of a fit: what they come to and how they vary together, in balls or rationals.

With an intercept, R b = R0 mean(y) + (R1 - R0 mean(x)) b1 of the slopes b1 alone, whose equation is centred, so that
nothing has cancelled yet; and the mean of y is uncorrelated with b1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple

from flint import arb, arb_mat, fmpq, fmpq_mat

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.figures import FIRST_BITS
from service.solver.inverse import inverse
from service.solver.rounding import nearest, nearest_root
from service.solver.solution import Number

# Balls of more bits are not asked where those of half as many decided nothing more: the figure is 0, or midway.
_COMMON_BITS = 768
_FEW_FEATURES = 6  # up to here rationals cost less than the next balls

Asked = list[Callable[[], float | None]]  # figures, None while undecided


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """R b - r, exactly as it was asked for."""

    weights: tuple[tuple[fmpq, ...], ...]  # (q, 1 + p) R, that of the intercept first; 0 where none is fitted
    equals: tuple[fmpq, ...]  # (q,) r


class Values(NamedTuple, Generic[Number]):
    """Combinations in numbers of one kind."""

    estimates: list[Number]  # (q,) R b
    differences: list[Number]  # (q,) R b - r
    spread: list[list[Number]]  # (q, q) R (X'X)^-1 R', over the unit of the weights
    rss: Number  # sum of (weighted) squared residuals, in that unit


def values_in_balls(equation: Centred, asked: Combinations) -> Values[arb]:
    """At the precision in force. Raises: ZeroDivisionError: it is too low."""
    left = arb_mat(_rows(equation, asked))
    return _values(equation, asked, left * (inverse(equation.gram) * left.transpose()))


def values_in_rationals(equation: Centred, asked: Combinations) -> Values[fmpq]:
    """Exactly."""
    left = _rows(equation, asked)
    return _values(equation, asked, left * fmpq_mat(equation.gram).solve(left.transpose()))


def decided(in_balls: Callable[[], Asked], in_rationals: Callable[[], Asked], n_features: int) -> list[float]:
    """Every figure, of ever more precise balls until each is decided, then of rationals.

    Args: in_balls: at the precision in force, may raise ZeroDivisionError. n_features: of the fit; of few, rationals come second.
    """
    known: list[float | None] = []
    bits = FIRST_BITS
    while True:
        before = known.count(None)
        with precision(bits):
            try:
                known = _answers(in_balls(), known)
            except ZeroDivisionError:
                bits *= 2
                continue
        if None not in known:
            break
        if n_features <= _FEW_FEATURES or (bits >= _COMMON_BITS and known.count(None) == before):
            known = _answers(in_rationals(), known)
            break
        bits *= 2
    return [figure for figure in known if figure is not None]


def over_root(value: arb | fmpq, square: arb | fmpq) -> float | None:
    """The quotient value / sqrt(square), rounded to the nearest double; NaN if the square is 0, None if undecided."""
    if square == 0:
        return float("nan")
    if isinstance(value, fmpq):
        root = nearest_root(value * value / square)
        return -root if root and value < 0 else root
    return nearest(value / square.sqrt())


def square_form(vector: Sequence[Number], matrix: list[list[Number]]) -> Number:
    """The form v' M^-1 v. Raises: ZeroDivisionError: balls cannot tell the matrix from a singular one, or it is."""
    size = len(vector)
    of: Any = fmpq_mat if all(isinstance(value, fmpq) for value in vector) else arb_mat
    column = of(size, 1, list(vector))
    form: Number = (column.transpose() * of(matrix).solve(column))[0, 0]
    return form


def _answers(asked: Asked, known: list[float | None]) -> list[float | None]:
    known = known or [None] * len(asked)
    return [figure() if old is None else old for figure, old in zip(asked, known, strict=True)]


def _rows(equation: Centred, asked: Combinations) -> fmpq_mat:
    """(1 + q, p): X'y, and the combinations of the slopes, in the equation's integers."""
    p, units = equation.n_features, equation.units
    entries = [fmpq(equation.right[i, 0]) for i in range(p)]
    means = [fmpq(equation.right[i, 1], equation.total) for i in range(p)] if equation.fit_intercept else [fmpq(0)] * p
    for constant, *slopes in asked.weights:
        entries += [slope / unit - constant * mean for slope, unit, mean in zip(slopes, units, means, strict=True)]
    return fmpq_mat(1 + len(asked.weights), p, entries)


def _values(equation: Centred, asked: Combinations, form: Any) -> Values[Any]:
    unit, total, scale = equation.target_unit, equation.total, equation.scale
    q = range(len(asked.weights))
    mean = equation.target_sum * unit / total
    estimates = [asked.weights[j][0] * mean + form[0, 1 + j] * unit for j in q]
    return Values(
        estimates=estimates,
        differences=[estimates[j] - asked.equals[j] for j in q],
        spread=[[asked.weights[i][0] * asked.weights[j][0] / total + form[1 + i, 1 + j] * scale for j in q] for i in q],
        rss=(equation.target_square - form[0, 0]) * (unit * unit) / scale,
    )
