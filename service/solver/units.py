"""Sums of products as integers, each column with its own unit, and how two such are brought to common units."""

import operator
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpz, fmpz_mat

from service.solver.entries import AT_ONCE, symmetric, upper_triangle

WORTH_TAKING = 8  # bits; random sums end in a few zeros, and are not worth looking through for them

BASE = {"float64": 2, "decimal": 10}


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of products of columns; the unit of column j is base**-units[j], that of entry (i, j) the product of two.

    Where each row has a weight, that has a unit too: an entry is then in the product of three.
    """

    units: tuple[int, ...]
    entries: fmpz_mat  # (len(units), len(units)), symmetric
    weight_unit: int = 0


def in_units(sums: Sums, units: Sequence[int], base: int) -> fmpz_mat:
    """The entries in other units: finer ones always, coarser ones if the caller knows that nothing is left over."""
    steps = [new - old for new, old in zip(units, sums.units, strict=True)]
    if not any(steps) or sums.entries.is_zero():
        return sums.entries
    side = len(steps)
    if side > AT_ONCE:
        return symmetric(_rows_in_units(sums, units, base), side)
    if len(set(steps)) == 1 and steps[0] > 0:
        return sums.entries * fmpz(base) ** (2 * steps[0])
    factors = _factors(steps, base)
    scaled = sums.entries.entries()
    moved = [i for i in range(side) if steps[i]]
    for i, step_i in enumerate(steps):
        for j in range(i, side) if step_i else moved[bisect(moved, i) :]:
            step = step_i + steps[j]
            if step:
                entry, factor = scaled[i * side + j], factors[step]
                scaled[i * side + j] = scaled[j * side + i] = entry * factor if step > 0 else entry // factor
    return fmpz_mat(side, side, scaled)


def _rows_in_units(sums: Sums, units: Sequence[int], base: int) -> Iterator[list[fmpz]]:
    """As `in_units`: the upper triangle, row by row."""
    steps = [new - old for new, old in zip(units, sums.units, strict=True)]
    if not any(steps):
        yield from upper_triangle(sums.entries)
        return
    factors = _factors(steps, base)
    for i, row in enumerate(upper_triangle(sums.entries)):
        changes = [steps[i] + step for step in steps[i:]]
        yield [
            entry if step == 0 else entry * factors[step] if step > 0 else entry // factors[step]
            for entry, step in zip(row, changes, strict=True)
        ]


def _factors(steps: Sequence[int], base: int) -> dict[int, fmpz]:
    """What a change by two of the steps multiplies by, or divides."""
    return {step: fmpz(base) ** abs(step) for step in {a + b for a in set(steps) for b in set(steps)}}


def no_sums(side: int) -> Sums:
    """The sums over no rows: their units give way to any others."""
    return Sums((0,) * side, fmpz_mat(side, side))


def combined(a: Sums, b: Sums, base: int, operation: Callable[[Any, Any], Any] = operator.add) -> Sums:
    """The sum a + b (or another operation, entry by entry) in the finer of each column's two units, and of the weights'."""
    if a.entries.is_zero():
        if operation is operator.add:
            return b
        units = b.units
    elif b.entries.is_zero():
        return a
    else:
        units = tuple(map(max, a.units, b.units))
    if a.weight_unit != b.weight_unit:
        finer = b if a.entries.is_zero() else a if b.entries.is_zero() else max(a, b, key=operator.attrgetter("weight_unit"))
        a, b = (in_weight_unit(sums, finer.weight_unit, base) for sums in (a, b))
    side = len(units)
    if side <= AT_ONCE:
        entries = operation(in_units(a, units, base), in_units(b, units, base))
    else:
        pairs = zip(_rows_in_units(a, units, base), _rows_in_units(b, units, base), strict=True)
        entries = symmetric((list(map(operation, row, other)) for row, other in pairs), side)
    return Sums(units, entries, a.weight_unit)


def in_weight_unit(sums: Sums, weight_unit: int, base: int) -> Sums:
    """The same sums in another unit of the weights: a coarser one only if the caller knows that nothing is left over."""
    step = weight_unit - sums.weight_unit
    if step == 0:
        return sums
    factor, side = fmpz(base) ** abs(step), len(sums.units)
    if step > 0 and side <= AT_ONCE:
        entries = sums.entries * factor
    else:
        change = operator.mul if step > 0 else operator.floordiv
        entries = symmetric(([change(entry, factor) for entry in row] for row in upper_triangle(sums.entries)), side)
    return Sums(sums.units, entries, weight_unit)


def with_constant_one(sums: Sums, base: int) -> Sums:
    """The same sums with a unit of 1 for the first column, the constant: its values are whole numbers."""
    if sums.units[0] == 0:
        return sums
    units = (0, *sums.units[1:])
    return Sums(units, in_units(sums, units, base), sums.weight_unit)


def coarsest(sums: Sums) -> Sums:
    """The same sums, base 2, in units as coarse as the entries allow, and 1 for the first column, the constant.

    Sliced columns have units far finer than their values; shorter integers make everything after cheaper. The weights come
    first: what is left over in their unit must not be taken from the columns', or that of whole weights could not be 1.
    """
    sums = in_weight_unit(sums, sums.weight_unit - spare_weight_bits(sums), 2)
    side = len(sums.units)
    entries = sums.entries
    units = [0, *sums.units[1:]]
    taken = [sums.units[0], *[0] * (side - 1)]  # powers of two that the columns before have taken from their rows
    for j in range(1, side):
        square = int(entries[j, j])
        if square == 0:  # a column of zeros
            units[j] = 0
        elif square % (1 << 2 * WORTH_TAKING) == 0:
            least = min(trailing_zeros(int(entries[j, i])) - taken[i] for i in range(side))
            taken[j] = min(trailing_zeros(square) // 2, least)
            units[j] -= taken[j]
    return Sums(tuple(units), in_units(sums, units, 2), sums.weight_unit)


def spare_weight_bits(sums: Sums) -> int:
    """By how much the weights' unit may be coarser, base 2, and no coarser than 1: to 1 if the weights are whole."""
    spare = max(0, sums.weight_unit)
    for row in upper_triangle(sums.entries) if spare else ():
        spare = min(spare, *(trailing_zeros(int(entry)) for entry in row))
        if spare == 0:
            break
    return spare


def trailing_zeros(value: int) -> int:
    """How often 2 divides `value`; of 0, more often than of anything else."""
    return (value & -value).bit_length() - 1 if value else 1 << 20
