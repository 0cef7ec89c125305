"""The exact sums of products of all pairs of columns: all that a linear fit needs to know of its rows."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from service.solver import moments_bytes
from service.solver.entries import principal, upper_triangle
from service.solver.errors import ColumnMismatch, NotContained, ReadingMismatch, UnknownColumn, WeightMismatch
from service.solver.reading import Numbers
from service.solver.rounding import double
from service.solver.slicing.accumulation import sums_of_products
from service.solver.units import BASE, Sums, combined


@dataclass(frozen=True, eq=False)  # no slots: its bytes, once made, are kept
class Moments:
    """Exact sums of products of [1, *columns], a value: never changed in place, joined by + and parted by -.

    The unit of column j is 2**-units[j] ("float64") or 10**-units[j] ("decimal"; negative where all values are
    large); `sums`, (1 + q, 1 + q), is in products of two units, that of the constant being 1: sums[0, 0] is the
    number of rows. The units are how the sums came about, not what they are: compare digests.

    Where each row has a weight, its products count so many times: all sums are in the weights' unit too, and sums[0, 0]
    is the sum of the weights.
    """

    columns: tuple[str, ...]
    numbers: Numbers
    units: tuple[int, ...]
    sums: fmpz_mat
    weighted_rows: int | None = None  # how many rows have a weight above 0; None: rows have no weights
    weight_unit: int = 0  # the weights are in units of base**-weight_unit

    @classmethod
    def empty(cls, columns: Sequence[str], numbers: Numbers = "float64", is_weighted: bool = False) -> Moments:
        """The moments of no rows: what + leaves as it was."""
        sums = fmpz_mat(1 + len(columns), 1 + len(columns))
        return cls(tuple(columns), numbers, (0,) * len(columns), sums, 0 if is_weighted else None)

    @classmethod
    def of(
        cls, block: NDArray[np.float64], columns: Sequence[str], numbers: Numbers = "float64", first_row: int = 0
    ) -> Moments:
        """The moments of a block of rows, (n, q).

        Raises: NotFinite, OutOfRange, TooManyDigits: as `check`, rows counted from `first_row`.
        """
        return cls.from_sums(sums_of_products(block, columns, numbers, first_row), columns, numbers)

    @classmethod
    def from_sums(cls, sums: Sums, columns: Sequence[str], numbers: Numbers, weighted_rows: int | None = None) -> Moments:
        """Sums of [1, *columns] under their names; the unit of the constant must be 1."""
        return cls(tuple(columns), numbers, sums.units[1:], sums.entries, weighted_rows, sums.weight_unit)

    @property
    def exact_units(self) -> tuple[fmpq, ...]:
        """What the integer 1 stands for in each column."""
        base = fmpq(BASE[self.numbers])
        return tuple(base**-unit for unit in self.units)

    @property
    def n_samples(self) -> int:
        """The number of rows; of those with a weight above 0, where rows have weights."""
        return int(self.sums[0, 0]) if self.weighted_rows is None else self.weighted_rows

    @property
    def total(self) -> fmpz:
        """The sum of the weights, in their unit; without weights, the number of rows."""
        return self.sums[0, 0]

    @property
    def weight(self) -> float:
        """The sum of the weights, rounded once; without weights, the number of rows."""
        if self.weighted_rows is None:
            return float(self.total)
        return double(self.total * fmpq(BASE[self.numbers]) ** -self.weight_unit)

    def __add__(self, other: Moments) -> Moments:
        return self._with(other, operator.add)

    def __sub__(self, other: Moments) -> Moments:
        if other.n_samples > self.n_samples:
            raise NotContained(self.n_samples, other.n_samples)
        return self._with(other, operator.sub)

    def _with(self, other: Moments, operation: Callable[[Any, Any], Any]) -> Moments:
        if other.columns != self.columns:
            raise ColumnMismatch(self.columns, other.columns)
        if other.numbers != self.numbers:
            raise ReadingMismatch(self.numbers, other.numbers)
        joined = combined(self._as_sums(), other._as_sums(), BASE[self.numbers], operation)
        if self.weighted_rows is None and other.weighted_rows is None:
            return Moments.from_sums(joined, self.columns, self.numbers)
        if self.weighted_rows is None or other.weighted_rows is None:
            raise WeightMismatch
        return Moments.from_sums(joined, self.columns, self.numbers, operation(self.weighted_rows, other.weighted_rows))

    def _as_sums(self) -> Sums:
        return Sums((0, *self.units), self.sums, self.weight_unit)

    def select(self, columns: Sequence[str]) -> Moments:
        """The moments of some of the columns, in the order asked for: one pass over the rows serves every fit.

        Raises: UnknownColumn: a name that is not among the columns.
        """
        if tuple(columns) == self.columns:
            return self
        place = {name: 1 + i for i, name in enumerate(self.columns)}
        for name in columns:
            if name not in place:
                raise UnknownColumn(name, self.columns)
        kept = [0, *(place[name] for name in columns)]
        units = tuple(self.units[i - 1] for i in kept[1:])
        return replace(self, columns=tuple(columns), units=units, sums=principal(self.sums, kept))

    def digest(self) -> str:
        """sha256 of the values: names and reading as JSON, then each entry of the upper triangle as a reduced fraction.

        It does not depend on the units, nor on how the sum came about: the same rows give the same digest. Of weighted
        moments the number of rows is hashed with the names.
        """
        base, units = BASE[self.numbers], (0, *self.units)
        what = [self.numbers, self.columns, *([] if self.weighted_rows is None else [self.weighted_rows])]
        sha256 = hashlib.sha256(json.dumps(what).encode())
        for i, row in enumerate(upper_triangle(self.sums)):
            left = units[i] + self.weight_unit
            fractions = [
                fmpq(entry, fmpz(base) ** place) if (place := left + unit) >= 0 else fmpq(entry * fmpz(base) ** -place)
                for entry, unit in zip(row, units[i:], strict=True)
            ]
            sha256.update("".join(f"\n{int(value.p):x}/{int(value.q):x}" for value in fractions).encode())
        return sha256.hexdigest()

    def to_bytes(self) -> bytes:
        """A form that lasts: the same on every machine, and of a size that the values set."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        return moments_bytes.packed(self.columns, self.numbers, self.units, self.sums, self.weighted_rows, self.weight_unit)

    @classmethod
    def from_bytes(cls, data: bytes) -> Moments:
        """The moments that `to_bytes` wrote. Raises: ValueError: the bytes are not such."""
        moments = cls(*moments_bytes.unpacked(data))
        vars(moments)["_bytes"] = data
        return moments
