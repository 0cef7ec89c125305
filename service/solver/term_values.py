"""The terms of rows as unevaluated sums hi + lo of two doubles: products of powers of the base columns, right to 2**-100."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from service.solver.decimal_rest import decimal_rest
from service.solver.double_double import Floats, split, two_product, two_sum
from service.solver.reading import Numbers
from service.solver.terms import Powers, Term


@dataclass(frozen=True, slots=True)
class _Level:
    """Products of one total degree, which are made together: each is a column made before times a base column."""

    made: slice  # their places
    factors: list[int]
    bases: list[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """In which order to make terms of b base columns, which come first; what terms have in common is made once."""

    n_bases: int
    n_columns: int  # base columns and products
    levels: tuple[_Level, ...]
    places: list[int]  # where each term is among the columns

    @classmethod
    def of(cls, terms: Sequence[Term], n_bases: int) -> Plan:
        needed: set[Powers] = set()
        for term in terms:
            powers = term.powers
            while _degree(powers) > 1 and powers not in needed:
                needed.add(powers)
                powers = _without_last(powers)
        products = sorted(needed, key=lambda powers: (_degree(powers), powers))
        place = {((j, 1),): j for j in range(n_bases)} | {powers: n_bases + i for i, powers in enumerate(products)}
        levels = []
        for _, group in groupby(products, _degree):
            same = list(group)
            first = place[same[0]]
            factors = [place[_without_last(powers)] for powers in same]
            levels.append(_Level(slice(first, first + len(same)), factors, [powers[-1][0] for powers in same]))
        return cls(n_bases, n_bases + len(products), tuple(levels), [place[term.powers] for term in terms])


def _degree(powers: Powers) -> int:
    return sum(exponent for _, exponent in powers)


def _without_last(powers: Powers) -> Powers:
    *before, (base, exponent) = powers
    return (*before, (base, exponent - 1)) if exponent > 1 else tuple(before)


def as_column(centre: Sequence[float]) -> Floats | None:
    """A centre (b,) as `term_values` takes it: (b, 1), or None for 0."""
    return np.array(centre)[:, None] if centre else None


def term_values(X: Floats, numbers: Numbers, plan: Plan | None, centre: Floats | None = None) -> tuple[Floats, Floats | None]:
    """(hi, lo) of each term, (p, m), for rows (m, b); lo is None where it is 0. Without a plan the terms are the columns.

    With a centre, (b, 1), the terms are those of the columns less it.

    A term beyond a double, or nearly so, is infinite or NaN.
    """
    columns = np.ascontiguousarray(X.T)
    rest = decimal_rest(columns) if numbers == "decimal" else None
    if centre is not None:
        columns, rest = _less(columns, rest, centre)
    if plan is None:
        return columns, rest
    hi, lo = np.empty((plan.n_columns, len(X))), np.zeros((plan.n_columns, len(X)))
    hi[: plan.n_bases] = columns
    if rest is not None:
        lo[: plan.n_bases] = rest
    highs, lows = split(columns)
    for level in plan.levels:
        factors, bases = level.factors, level.bases
        product, error = two_product(hi[factors], columns[bases], (highs[bases], lows[bases]))
        error += lo[factors] * columns[bases]
        if rest is not None:
            error += hi[factors] * rest[bases]
        hi[level.made] = total = product + error
        lo[level.made] = error - (total - product)
    return hi[plan.places], lo[plan.places]


def _less(columns: Floats, rest: Floats | None, centre: Floats) -> tuple[Floats, Floats]:
    total, error = two_sum(columns, -centre)
    if rest is not None:
        error += rest
    less = total + error
    return less, error - (less - total)
