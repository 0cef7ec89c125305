"""The sums of products of terms by the standard library's fractions: what sums of terms are held against."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import prod

import numpy as np
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.term_summation import TermSummation, WeightType
from service.solver.terms import Base, Term, terms
from service.solver.units import BASE
from tests.solver.exact_sums import Table, as_read, names, values_of


def made(n_bases: int, degree: int = 1, interactions: bool = False) -> tuple[Term, ...]:
    """The terms of so many columns of numbers."""
    return terms([Base(name) for name in names(n_bases)], degree, interactions)


def summed(
    pieces: Iterable[NDArray[np.float64]],
    of: Sequence[Term],
    n_bases: int,
    numbers: Numbers = "float64",
    weight_type: WeightType | None = None,
) -> Moments:
    """The moments of pieces of rows (n, bases + target + weight if there is a type of them)."""
    weights = None if weight_type is None else "w"
    summation = TermSummation(names(n_bases), of, "y", numbers, weights, weight_type or "precision")
    for piece in pieces:
        summation.add(piece)
    return summation.result()


def exact_term_sums(
    rows: NDArray[np.float64], of: Sequence[Term], n_bases: int, numbers: Numbers = "float64", is_weighted: bool = False
) -> Table:
    """The sums of products of [1, *terms, target], times the weight if rows have one."""
    side = 2 + len(of)
    table = [[Fraction(0)] * side for _ in range(side)]
    for row in rows.tolist():
        read = [as_read(value, numbers) for value in row]
        factors = [Fraction(1), *(prod(read[j] ** power for j, power in term.powers) for term in of), read[n_bases]]
        weight = read[-1] if is_weighted else Fraction(1)
        for i, left in enumerate(factors):
            for j, right in enumerate(factors):
                table[i][j] += weight * left * right
    return table


def weighted_values(moments: Moments) -> Table:
    """The sums that moments hold, of weighted rows or not."""
    weight_unit = Fraction(BASE[moments.numbers]) ** -moments.weight_unit
    return [[value * weight_unit for value in row] for row in values_of(moments._as_sums(), BASE[moments.numbers])]
