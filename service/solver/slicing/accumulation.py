"""Rows in pieces of any size, in either reading, added up exactly."""

from collections.abc import Sequence

import numpy as np

from service.solver.decimals import Unreadable
from service.solver.reading import Numbers, check, readable
from service.solver.slicing.cascade import FEW_ROWS
from service.solver.slicing.decimal_rows import DecimalRows
from service.solver.slicing.double_rows import DoubleRows
from service.solver.slicing.integers import binary_sums, decimal_sums
from service.solver.slicing.products import Pairs, Products
from service.solver.slicing.slices import Floats
from service.solver.units import Sums, with_constant_one


def sums_of_products(block: Floats, columns: Sequence[str], numbers: Numbers, first_row: int = 0) -> Sums:
    """The sums of products of [1, *columns] over a block of rows, (n, q). Raises: as `check`."""
    require_width(block, len(columns))
    if len(block) > FEW_ROWS:
        rows = Accumulation(columns, numbers, Pairs(len(columns)), n_samples=first_row)
        rows.add(block)
        return rows.total()
    values = np.empty((1 + block.shape[1], len(block)))
    values[0], values[1:] = 1.0, block.T
    try:
        readable(values)
        return with_constant_one(binary_sums(values), 2) if numbers == "float64" else decimal_sums(values)
    except Unreadable:
        check(block, columns, numbers, first_row)
        raise


class Accumulation:
    """The sums of products of all rows so far; the constant's unit is 1."""

    def __init__(self, columns: Sequence[str], numbers: Numbers, products: Products, n_samples: int = 0) -> None:
        """Args: products: of those columns. n_samples: where the first row stands in the whole, for the messages."""
        self.columns = tuple(columns)
        self.numbers = numbers
        self.n_samples = n_samples
        self._rows = (DoubleRows if numbers == "float64" else DecimalRows)(products)

    def add(self, block: Floats) -> None:
        """Take in rows, (n, q). Raises: as `check`, rows counted from the first ever added."""
        require_width(block, len(self.columns))
        start = 0
        while start < len(block):
            rows = block[start : start + self._rows.room]
            try:
                self._rows.add(rows)
            except Unreadable:
                check(rows, self.columns, self.numbers, self.n_samples)
                raise
            start += len(rows)
            self.n_samples += len(rows)

    def total(self) -> Sums:
        """The sums so far; more rows may be added after."""
        return self._rows.total()


def require_width(block: Floats, n_columns: int) -> None:
    """Raises: ValueError: the block is not (n, n_columns)."""
    if block.ndim != 2 or block.shape[1] != n_columns:
        raise ValueError(f"a block of shape {block.shape} for {n_columns} columns")
