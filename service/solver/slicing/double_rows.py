"""Sums of products of rows read as doubles."""

import numpy as np

from service.solver.decimals import Unreadable
from service.solver.reading import all_readable
from service.solver.slicing.products import Products
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.slices import Floats
from service.solver.units import Sums, coarsest


class DoubleRows:
    """The sums of products of rows that come in pieces."""

    def __init__(self, products: Products) -> None:
        self._scratch = Scratch()
        self._gathering = products.gatherer(self._scratch)

    @property
    def room(self) -> int:
        return self._gathering.room

    def add(self, rows: Floats) -> None:
        """Take in rows, (n, q), n <= room. Raises: Unreadable: some value is; nothing was taken in."""
        values = self._gathering.next(len(rows))
        values[...] = rows.T
        if not all_readable(np.abs(values, out=self._scratch.floats("magnitude", *values.shape))):
            raise Unreadable
        self._gathering.keep(len(rows))

    def total(self) -> Sums:
        """The sums so far, base 2."""
        return coarsest(self._gathering.total())
