"""How long products may be: what a fit of high powers may cost, in memory and in time, whatever the number of rows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.solver.slicing.digits import n_digits
from service.solver.slicing.monomials import Plan

MOST_SLICES = 2048  # in all: the sums are 32 MB then, the digits of a block as much, twice that with weights
# The few rows that lie outside of the windows of the others may need more: random doubles of a billion rows do not.
MOST_ODD_SLICES = 2 * MOST_SLICES


class TooLongProducts(ValueError):
    """The products need too many slices: `n_slices` in all; `factor` is the place of the longest."""

    def __init__(self, factor: int, n_slices: int) -> None:
        super().__init__(factor, n_slices)
        self.factor, self.n_slices = factor, n_slices


def slices_needed(plan: Plan, bits: Sequence[int]) -> int:
    """How many slices the factors have in all, given the bits of the columns from the top to the last one that occurs."""
    return sum(n_digits(total) for total in plan.totals(bits)[plan.left.start : plan.left.stop])


def require_short(plan: Plan, bits: Sequence[int], limit: int) -> None:
    """Raises: TooLongProducts: there are products, and the factors need more than `limit` slices.

    Columns as they are may have any bits that doubles have.
    """
    if plan.has_products:
        needed = slices_needed(plan, bits)
        if needed > limit:
            totals = plan.totals(bits)
            raise TooLongProducts(max(range(plan.n_factors), key=totals.__getitem__), needed)


def bits_of(integers: NDArray[np.generic]) -> list[int]:
    """(c,) The length of the longest integer of each column, (c, n)."""
    return [int(largest).bit_length() for largest in np.abs(integers).max(axis=1, initial=0).tolist()]
