"""From which bit to which a column's values go: the integers that stand for them, and how long those are."""

from dataclasses import dataclass

import numpy as np

from service.solver.slicing.digits import MOST_BITS
from service.solver.slicing.slices import Floats

MANTISSA = 53


@dataclass(frozen=True, slots=True)
class Windows:
    """Values of column j that are multiples of 2**low[j] of magnitude at most 2**high[j] fit; 0 always does."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def bits(self) -> list[int]:
        return [high - low for low, high in zip(self.low, self.high, strict=True)]

    def joined(self, other: "Windows") -> "Windows":
        """Windows that hold both, where that is not too long; else the other's."""
        low, high = list(map(min, self.low, other.low)), list(map(max, self.high, other.high))
        for j, bottom in enumerate(low):
            if high[j] - bottom > MOST_BITS:
                low[j], high[j] = other.low[j], other.high[j]
        return Windows(tuple(low), tuple(high))


def windows(block: Floats, tolerated: float) -> Windows:
    """Windows in which all rows of a block, (c, n), fit, but for about the tolerated part of them.

    The lowest bit of one double in a thousand lies ten bits below that of the others: those bits in every slice of every
    product cost more than a way of its own for one row in a thousand.
    """
    fractions, exponents = np.frexp(block)
    integers = np.ldexp(np.abs(fractions), MANTISSA).astype(np.int64)
    lowest = integers & -integers
    lows = exponents - MANTISSA - 1 + np.frexp(lowest.astype(np.float64))[1]
    highs = exponents - (integers == lowest)  # a power of two is the end of its own window
    n_out = int(tolerated * block.shape[1] / (2 * len(block)))
    low, high = [0] * len(block), [0] * len(block)
    for j, is_set in enumerate(integers != 0):
        n = int(is_set.sum())
        if n:
            out = min(n_out, (n - 1) // 2)
            high[j] = int(np.partition(highs[j, is_set], n - 1 - out)[n - 1 - out])
            lowest_kept = int(np.partition(lows[j, is_set], out)[out])
            low[j] = max(min(lowest_kept, high[j]), high[j] - MOST_BITS)
    return Windows(tuple(low), tuple(high))
