"""What is summed up over the rows: products of all pairs of columns, or of all pairs of monomials in them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.solver.slicing.gathering import Gathering
from service.solver.slicing.integers import products
from service.solver.slicing.monomials import Plan
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.sliced_sums import PANEL_ROWS
from service.solver.slicing.slices import Floats
from service.solver.slicing.term_gathering import TermGathering
from service.solver.slicing.term_integers import term_sums
from service.solver.units import Sums, no_sums


class Gatherer(Protocol):
    """Rows of doubles, column by column, on their way into sums."""

    @property
    def room(self) -> int: ...

    def next(self, n_rows: int) -> Floats:
        """Where to write the next rows, (q, n_rows), n_rows <= room."""

    def keep(self, n_rows: int) -> None:
        """Count as gathered the first n_rows of what `next` gave."""

    def total(self) -> Sums:
        """The sums so far, base 2; more rows may come after."""


class Products(Protocol):
    """A kind of sums over rows of q columns."""

    @property
    def n_columns(self) -> int: ...

    def nothing(self) -> Sums:
        """The sums over no rows."""

    def gatherer(self, scratch: Scratch, *, are_whole: bool = False) -> Gatherer:
        """The fast way, for doubles; faster if all are whole numbers."""

    def by_integers(self, integers: NDArray[np.generic], units: list[int]) -> Sums:
        """The slow way, for values integers * base**-units, (q, n)."""

    def with_units(self, sums: Sums, units: list[int]) -> Sums:
        """Sums of whole numbers, in units of 1, as those of the same numbers of such units of the q columns."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The products of all pairs of [1, *columns]."""

    n_columns: int
    panel_rows: int = PANEL_ROWS

    def nothing(self) -> Sums:
        return no_sums(1 + self.n_columns)

    def gatherer(self, scratch: Scratch, *, are_whole: bool = False) -> Gatherer:
        return Gathering(self.n_columns, scratch, self.panel_rows, are_whole=are_whole)

    def by_integers(self, integers: NDArray[np.generic], units: list[int]) -> Sums:
        return products(np.insert(integers, 0, 1, axis=0), [0, *units])

    def with_units(self, sums: Sums, units: list[int]) -> Sums:
        return Sums((0, *units), sums.entries)


@dataclass(frozen=True, slots=True)
class Monomials:
    """The products of all pairs of the plan's factors, times the weight where rows have one."""

    plan: Plan

    @property
    def n_columns(self) -> int:
        return self.plan.n_columns

    def nothing(self) -> Sums:
        return no_sums(self.plan.n_factors)

    def gatherer(self, scratch: Scratch, **_: bool) -> Gatherer:
        return TermGathering(self.plan, scratch)

    def by_integers(self, integers: NDArray[np.generic], units: list[int]) -> Sums:
        return term_sums(self.plan, integers, units)

    def with_units(self, sums: Sums, units: list[int]) -> Sums:
        return Sums(self.plan.factor_units(units), sums.entries, self.plan.weight_unit(units))
