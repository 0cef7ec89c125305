"""Where the digits of each product stand in one array, given the bits of the columns."""

from __future__ import annotations

from dataclasses import dataclass

from service.solver.slicing.digits import n_digits
from service.solver.slicing.monomials import Plan
from service.solver.slicing.windows import Windows

MOST_ROWS = 512  # of slices multiplied at a time; measured: the product runs at full speed


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Monomial i has the rows offsets[i] .. offsets[i + 1] of the array of digits."""

    windows: Windows
    offsets: tuple[int, ...]
    n_slices: int  # of the longer operand of the product
    longest: int  # the place of a right factor with most digits
    most_digits: int  # of any monomial

    @classmethod
    def of(cls, plan: Plan, windows: Windows) -> Layout:
        lengths = [n_digits(bits) for bits in plan.totals(windows.bits)]
        offsets = [0]
        for length in lengths:
            offsets.append(offsets[-1] + length)
        n_slices = offsets[plan.left.stop] - offsets[plan.left.start]
        return cls(windows, tuple(offsets), n_slices, max(range(plan.n_factors), key=lengths.__getitem__), max(lengths))

    @property
    def height(self) -> int:
        return self.offsets[-1]

    def panels(self, places: range) -> list[range]:
        """The places in order, shared out so that a panel has at most 512 rows of digits (but at least one place)."""
        shared: list[range] = []
        start = places.start
        for stop in places:
            if stop > start and self.offsets[stop + 1] - self.offsets[start] > MOST_ROWS:
                shared.append(range(start, stop))
                start = stop
        return [*shared, range(start, places.stop)]
