"""What a row can do to the coefficients: by how much each changes with the row's target, and how free its residual is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import arb, fmpq

from service.solver.double_double import Floats, split, two_product, two_sum
from service.solver.evaluation import Factors, blocks, dot
from service.solver.leverage import (
    NOTHING_BITS,
    Pair,
    Spread,
    decided,
    equation_of,
    means_of,
    of_terms,
    root,
    rounded,
    spread,
    stacked,
    whitening,
)
from service.solver.moments import Moments
from service.solver.terms import Terms

# A leverage that is 1 to the last digit of a double; what leaves more free is known to 13 digits.
NOTHING_FREE = 2.0**-53


@dataclass(frozen=True, eq=False)
class Influence:
    """The whitened coordinates of rows, and the way back to the coefficients: (X'WX)^-1 = back back'.

    A row with terms x has coordinates z (`whitened`), and (X'WX)^-1 x = back z. The coefficients are those of the terms as
    they are reported, the intercept first if it is fitted, whatever centre the coordinates are made about.
    """

    spread: Spread
    back: Floats  # (2, c, c) hi and lo, upper triangular but for the intercept's row
    effects: Floats  # (p,) of y on the coordinates, the intercept's left out: coefficients are back times them, and may cancel

    @cached_property
    def factors(self) -> Factors:
        """What coordinates are multiplied by, (c, 1, c) each."""
        hi, lo = self.back.transpose(0, 2, 1)[:, :, None, :].copy()
        return hi, lo, split(hi)


def influence(
    moments: Moments, target: str, features: Sequence[str], fit_intercept: bool, terms: Terms | None = None
) -> Influence:
    """Of a fit, each entry exact before it was rounded to hi + lo. Args, Raises: as `spread`."""
    made = spread(moments, target, features, fit_intercept, terms)
    equation = equation_of(moments, target, features, fit_intercept)
    p = equation.n_features
    factor = stacked(decided(lambda: of_terms(equation)), p)
    unit = equation.target_unit * equation.weight_unit / equation.scale
    columns = [[equation.right[i, 0] * own * unit for i, own in enumerate(equation.units)]]
    if fit_intercept:
        columns.append([-mean for mean in means_of(equation)])

    def effects_and_shifts() -> list[list[Pair | None]]:
        rows = whitening(equation)
        return [_along(rows, column) for column in columns]

    found = stacked(decided(effects_and_shifts), p)
    if not fit_intercept:
        return Influence(made, factor.transpose(0, 2, 1).copy(), found[0, 0])
    back = np.zeros((2, 1 + p, 1 + p))
    back[:, 0, 0] = root(made.constant, made.constant_rest)
    back[:, :1, 1:] = found[:, 1:]
    back[:, 1:, 1:] = factor.transpose(0, 2, 1)
    return Influence(made, back, found[0, 0])


def _along(rows: list[list[arb]], column: list[fmpq]) -> list[Pair | None]:
    """The factor times a column, each entry as a pair, if the balls decide it."""
    parts = [[entry * arb(value) for entry, value in zip(row, column, strict=False)] for row in rows]
    nothing = [sum((abs(part) for part in row), arb(0)) * arb(2) ** -NOTHING_BITS for row in parts]
    return [rounded(sum(row, arb(0)), least) for row, least in zip(parts, nothing, strict=True)]


def changes(influence: Influence, coordinates: tuple[Floats, Floats], weights: Floats | None = None) -> Floats:
    """(X'WX)^-1 x w of rows with these coordinates, (m, c) hi and lo -> (m, c): what a unit of y adds to each coefficient.

    Right to 13 digits of the largest that a row of the fit has.
    """
    hi, lo = coordinates
    factors = influence.factors
    results = np.empty(hi.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in blocks(len(hi), factors[0].size):
            values = (part[rows].T[:, :, None].copy() for part in (hi, lo))
            total, rest = dot((next(values), next(values)), factors)
            results[rows] = total + rest
    return results if weights is None else results * weights[:, None]


def freedoms(coordinates: tuple[Floats, Floats], weights: Floats | None = None) -> Floats:
    """1 - w x' (X'WX)^-1 x, (m,): the share of a target that its own fitted value leaves free; to 13 digits even near 0."""
    hi, lo = (np.ascontiguousarray(part.T) for part in coordinates)
    total, rest = dot((hi, lo), (hi, lo, split(hi)))
    if weights is not None:
        total, error = two_product(weights, total, split(total))
        rest = rest * weights + error
    left, error = two_sum(np.ones(len(total)), -total)
    return left + (error - rest)
