"""Sums of products as integers, each column with its own unit, and how two such are brought to common units."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flint import fmpz, fmpz_mat

BASE = {"float64": 2, "decimal": 10}


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of products of columns; the unit of column j is base**-units[j], that of entry (i, j) the product of two."""

    units: tuple[int, ...]
    entries: fmpz_mat  # (len(units), len(units))


def in_units(sums: Sums, units: Sequence[int], base: int) -> fmpz_mat:
    """The entries in finer units: each is multiplied by base**(its row's step + its column's)."""
    steps = [fine - coarse for fine, coarse in zip(units, sums.units, strict=True)]
    if not any(steps):
        return sums.entries
    factors = [fmpz(base) ** step for step in steps]
    table = sums.entries.tolist()
    scaled = [
        [entry * left * right for entry, right in zip(row, factors, strict=True)]
        for row, left in zip(table, factors, strict=True)
    ]
    return fmpz_mat(scaled)


def combined(a: Sums, b: Sums, base: int, operation: Callable[[fmpz_mat, fmpz_mat], fmpz_mat] = operator.add) -> Sums:
    """a + b (or another operation, entry by entry) in the finer of each column's two units."""
    units = tuple(map(max, a.units, b.units))
    return Sums(units, operation(in_units(a, units, base), in_units(b, units, base)))
