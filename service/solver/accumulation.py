"""Rows in pieces of any size, read, gathered into blocks of 2**11 rows, and added up exactly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.solver.cascade import FEW_ROWS, Cascade
from service.solver.decimal_places import Places, at_places, choose_places, grown_places
from service.solver.integers import binary_sums, decimal_sums
from service.solver.reading import Numbers, all_readable, check
from service.solver.sliced_sums import PANEL_ROWS
from service.solver.slices import ROWS, Floats
from service.solver.units import Sums, coarsest, combined, in_units, no_sums, with_constant_one

MOST_ODD = ROWS // 8  # rows of a block; more than that, and the number of places is chosen anew


def sums_of_products(block: Floats, columns: Sequence[str], numbers: Numbers, first_row: int = 0) -> Sums:
    """The sums of products of [1, *columns] over a block of rows, (n, q). Raises: as `check`."""
    if len(block) > FEW_ROWS:
        rows = Accumulation(columns, numbers, n_samples=first_row)
        rows.add(block)
        return rows.total()
    check(block, columns, numbers, first_row)
    values = np.vstack([np.ones(len(block)), block.T])
    return with_constant_one(binary_sums(values), 2) if numbers == "float64" else decimal_sums(values)


class Accumulation:
    """The sums of products of [1, *columns] of all rows so far; the constant's unit is 1.

    Decimals are added up as doubles that hold the integers k of k * 10**-places, a number of places a column, and
    those sums are put away when it changes. Rows with a value that is no such integer below 10**15 are odd and go by
    Python's integers.
    """

    def __init__(self, columns: Sequence[str], numbers: Numbers, panel_rows: int = PANEL_ROWS, n_samples: int = 0) -> None:
        """Args: n_samples: where the first row stands in the whole, for the messages."""
        self.columns = tuple(columns)
        self.numbers = numbers
        self.panel_rows = panel_rows
        self.n_samples = n_samples
        side = 1 + len(self.columns)
        self._buffer = np.empty((side, ROWS))
        self._buffer[0] = 1.0
        self._fill = 0
        self._cascade = Cascade(side, panel_rows)
        self._places: Places | None = None  # decimals only, as is all below
        self._odd: list[Floats] = []
        self._n_odd, self._n_odd_of_block = 0, 0
        self._put_away = no_sums(side)

    def add(self, block: Floats) -> None:
        """Take in rows, (n, q). Raises: as `check`, rows counted from the first ever added."""
        if block.ndim != 2 or block.shape[1] != len(self.columns):
            raise ValueError(f"a block of shape {block.shape} for {len(self.columns)} columns")
        start = 0
        while start < len(block):
            rows = block[start : start + ROWS - self._fill]
            values = self._buffer[1:, self._fill : self._fill + len(rows)]
            values[...] = rows.T
            if self.numbers == "decimal":
                self._add_decimals(rows, values)
            elif all_readable(np.abs(values)):
                self._fill += len(rows)
            else:
                check(rows, self.columns, self.numbers, self.n_samples)
            start += len(rows)
            self.n_samples += len(rows)
            if self._fill == ROWS:
                self._add_buffer()

    def total(self) -> Sums:
        """The sums so far; more rows may be added after."""
        self._add_buffer()
        if self.numbers == "float64":
            return coarsest(with_constant_one(self._cascade.total(), 2))
        self._put_decimals_away()
        self._add_odd()
        return self._put_away

    def _add_buffer(self) -> None:
        if self._fill:
            self._cascade.add(self._buffer[:, : self._fill])
        self._fill, self._n_odd_of_block = 0, 0

    def _add_decimals(self, rows: Floats, values: Floats) -> None:
        """Read rows that lie, columns first, where the buffer goes on, and leave their integers there."""
        if self._places is None:
            check(rows, self.columns, self.numbers, self.n_samples)
            self._places = choose_places(values)
        integers, unread = at_places(values, self._places)
        if unread.any():
            check(rows, self.columns, self.numbers, self.n_samples)
            integers = self._settle(rows.T, unread)
        self._buffer[1:, self._fill : self._fill + integers.shape[1]] = integers
        self._fill += integers.shape[1]
        if self._n_odd_of_block > MOST_ODD:
            self._add_buffer()
            self._put_decimals_away()
            self._places = None

    def _settle(self, values: Floats, unread: NDArray[np.bool_]) -> Floats:
        """Give columns more places where all their values still fit, and put odd rows aside; the others' integers."""
        assert self._places is not None  # noqa: S101
        places = grown_places(values, unread, self._places)
        if (places != self._places).any():
            self._add_buffer()
            self._put_decimals_away()
            self._places = places
        integers, unread = at_places(values, places)
        odd = unread.any(axis=0)
        if odd.any():
            self._odd.append(np.vstack([np.ones(odd.sum()), values[:, odd]]))
            self._n_odd += self._odd[-1].shape[1]
            self._n_odd_of_block += self._odd[-1].shape[1]
            if self._n_odd >= MOST_ODD:
                self._add_odd()
        return integers[:, ~odd]

    def _put_decimals_away(self) -> None:
        if self._places is not None:
            total = self._cascade.total()
            whole = in_units(total, (0,) * len(total.units), 2)
            self._put(Sums((0, *self._places.tolist()), whole))
            self._cascade = Cascade(len(total.units), self.panel_rows)

    def _add_odd(self) -> None:
        if self._odd:
            self._put(decimal_sums(np.concatenate(self._odd, axis=1)))
        self._odd, self._n_odd = [], 0

    def _put(self, sums: Sums) -> None:
        self._put_away = combined(self._put_away, sums, 10)
