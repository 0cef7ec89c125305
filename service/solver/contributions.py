"""What each term adds to a prediction: its coefficient times its value, each the nearest double or next to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from flint import fmpq

from service.solver.centre import expanded
from service.solver.double_double import Floats, split, two_product
from service.solver.evaluation import LARGE, Evaluation, Factors, blocks
from service.solver.reading import Numbers
from service.solver.rounding import nearest_pair
from service.solver.term_values import Plan, term_values
from service.solver.terms import Terms


def coefficients(evaluation: Evaluation, terms: Terms) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Those of the terms of x, hi and lo, (1 + p,) the intercept's first, also where predictions go by those of x - centre."""
    if not any(evaluation.centre):
        return evaluation.hi, evaluation.lo
    # (x - c) in powers of x, as x is in powers of x - c: about the centre's opposite.
    rows = [{0: fmpq(1)}, *expanded(terms, [-value for value in evaluation.centre])]
    exact = [fmpq(0)] * len(rows)
    for hi, lo, row in zip(evaluation.hi, evaluation.lo, rows, strict=True):
        own = fmpq(*hi.as_integer_ratio()) + fmpq(*lo.as_integer_ratio())
        for place, weight in row.items():
            exact[place] += own * weight
    pairs = [nearest_pair(value) or (0.0, 0.0) for value in exact]  # of a rational it is never None
    return tuple(hi for hi, _ in pairs), tuple(lo for _, lo in pairs)


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """Coefficients to multiply terms by, times 2**-scale."""

    scale: int
    factors: Factors  # (p, 1) each, of all terms
    places: list[int]  # of the terms that are wanted

    @classmethod
    def of(cls, evaluation: Evaluation, terms: Terms, places: Sequence[int]) -> Self:
        coef, rest = coefficients(evaluation, terms)
        scale = 128 if max(map(abs, coef)) > LARGE else 0
        hi, lo = (np.ldexp(np.array(part[1:]), -scale)[:, None] for part in (coef, rest))
        return cls(scale, (hi, lo, split(hi)), [*places])

    def of_rows(self, X: Floats, numbers: Numbers, plan: Plan | None) -> Floats:
        """Of each term that is wanted, (q, m), for rows of base columns X (m, b); infinite beyond a double."""
        coef, rest, halves = self.factors
        results = np.empty((len(self.places), len(X)))
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in blocks(len(X), max(len(coef), X.shape[1] if plan is None else plan.n_columns)):
                hi, lo = term_values(X[rows], numbers, plan)
                products, errors = two_product(hi, coef, halves)
                errors += hi * rest
                if lo is not None:
                    errors += lo * coef
                results[:, rows] = (products + errors)[self.places]
            if self.scale:
                results = np.ldexp(results, self.scale)
        results[~np.isfinite(results)] = math.inf
        return results
