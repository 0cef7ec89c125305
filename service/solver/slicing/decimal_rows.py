"""Sums of products of rows read as decimals."""

import numpy as np
from numpy.typing import NDArray

from service.solver.reading import readable
from service.solver.slicing.decimal_places import Places, at_places, choose_places, grown_places
from service.solver.slicing.integers import decimal
from service.solver.slicing.products import Products
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.slices import ROWS, Floats
from service.solver.units import Sums, combined, in_units, in_weight_unit

MOST_ODD = ROWS // 8  # rows put aside before they are added


class DecimalRows:
    """The sums of products of rows that come in pieces.

    They are gathered as doubles that hold the integers k of k * 10**-places, a number of places a column, chosen on the
    first piece; what has been added up is put away when it changes. Rows with a value that is no such integer below
    10**15 are odd and go by Python's integers; when they are many, the places are chosen anew.
    """

    def __init__(self, products: Products) -> None:
        self._products = products
        self._scratch = Scratch()
        self._gathering = products.gatherer(self._scratch, are_whole=True)
        self._places: Places | None = None
        self._odd: list[Floats] = []
        self._n_odd, self._n_even = 0, 0  # rows since the places were chosen, at most MOST_ODD of the odd ones
        self._put_away = products.nothing()

    @property
    def room(self) -> int:
        return self._gathering.room

    def add(self, rows: Floats) -> None:
        """Take in rows, (n, q), n <= room. Raises: Unreadable: some value is; nothing was taken in."""
        values = rows.T
        if values.strides[1] != values.itemsize:  # read several times, column by column
            values = self._scratch.floats("values", *values.shape)
            values[...] = rows.T
        if self._places is None:
            self._places = choose_places(readable(values[:, :ROWS]))
        unread = at_places(values, self._places, self._gathering.next(len(rows)), self._scratch)
        if unread.any():
            self._settle(values, unread, self._places)
        else:
            self._gathering.keep(len(rows))
            self._n_even += len(rows)

    def total(self) -> Sums:
        """The sums so far, base 10; more rows may be added after."""
        self._put_gathered_away()
        self._add_odd()
        return self._put_away

    def _settle(self, values: Floats, unread: NDArray[np.bool_], places: Places) -> None:
        """Give columns more places where all their values still fit, and put odd rows aside."""
        grown = grown_places(readable(values), unread, places)
        if (grown != places).any():
            self._put_gathered_away()
            self._places = grown
        integers = np.empty(values.shape)
        odd = at_places(values, grown, integers, self._scratch).any(axis=0)
        even = integers[:, ~odd]
        self._gathering.next(even.shape[1])[...] = even
        self._gathering.keep(even.shape[1])
        self._n_even += even.shape[1]
        if not odd.any():
            return
        self._odd.append(values[:, odd])
        self._n_odd += int(odd.sum())
        if self._n_odd >= MOST_ODD:
            if self._n_odd > self._n_even / 7:  # more than an eighth: other places must be better
                self._put_gathered_away()
                self._places = None
            self._add_odd()

    def _put_gathered_away(self) -> None:
        if self._places is None:
            return
        sums = in_weight_unit(self._gathering.total(), 0, 2)
        whole = Sums((0,) * len(sums.units), in_units(sums, (0,) * len(sums.units), 2))  # sums of integers, after all
        self._put(self._products.with_units(whole, self._places.tolist()))
        self._gathering = self._products.gatherer(self._scratch, are_whole=True)

    def _add_odd(self) -> None:
        if self._odd:
            self._put(self._products.by_integers(*decimal(np.concatenate(self._odd, axis=1))))
        self._odd, self._n_odd, self._n_even = [], 0, 0

    def _put(self, sums: Sums) -> None:
        self._put_away = combined(self._put_away, sums, 10)
