"""The sums of products by the standard library's fractions: what moments are held against."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.units import BASE, Sums

Table = list[list[Fraction]]


def as_read(value: float, numbers: Numbers) -> Fraction:
    return Fraction(value) if numbers == "float64" else Fraction(repr(value))


def exact_sums(rows: NDArray[np.float64], numbers: Numbers = "float64") -> Table:
    """The sums of products of [1, *columns] over (n, q) rows."""
    read = [[Fraction(1), *(as_read(value, numbers) for value in row)] for row in rows.tolist()]
    side = 1 + rows.shape[1]
    return [[sum((row[i] * row[j] for row in read), Fraction(0)) for j in range(side)] for i in range(side)]


def values(moments: Moments) -> Table:
    """The sums that moments hold."""
    return values_of(Sums((0, *moments.units), moments.sums), BASE[moments.numbers])


def values_of(sums: Sums, base: int) -> Table:
    units = [Fraction(base) ** -unit for unit in sums.units]
    table = [[int(entry) for entry in row] for row in sums.entries.tolist()]
    return [
        [entry * left * right for entry, right in zip(row, units, strict=True)] for row, left in zip(table, units, strict=True)
    ]


def names(n_columns: int) -> Sequence[str]:
    return [f"x{j}" for j in range(1, 1 + n_columns)]
