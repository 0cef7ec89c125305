"""Products and sums of doubles with what rounding took from them, in numpy: twice the digits for 20 times the work.

Source: Dekker, A floating-point technique for extending the available precision (1971); Ogita, Rump and Oishi,
Accurate sum and dot product (2005). numpy has no fused multiply-add, so products are split after Veltkamp.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Value = TypeVar("Value", float, Floats)  # one, or many at once

SPLITTER = 134217729.0  # 2**27 + 1


def split(a: Floats) -> tuple[Floats, Floats]:
    """Cut into high + low of at most 26 bits each, exactly; |a| up to 1e300."""
    scaled = a * SPLITTER
    high = scaled - (scaled - a)
    return high, a - high


def two_product(a: Floats, b: Floats, halves: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Multiply a by b, whose halves are split(b), into product + error exactly: if neither over- nor underflows."""
    product = a * b
    a_high, a_low = split(a)
    b_high, b_low = halves
    error = a_high * b_high
    error -= product
    error += a_high * b_low
    a_high = a_low * b_high
    error += a_high
    a_low = a_low * b_low
    error += a_low
    return product, error


def two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """Add into sum + error, exactly, whichever is larger."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)
