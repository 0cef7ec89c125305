"""The decimal reading: the shortest decimal that reads as a double, as an integer and its number of places."""

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

# 10**22 is the last power of ten that is a double: up to there one multiplication or division rounds once, and below
# 10**15 each decimal has a double of its own, so a k that gives the double back is the shortest decimal. Up to 2**53 each whole
# number has one, and the doubles around it are at most 1 away: no number of fewer digits reads as it, unless it ends in zeros.
MOST_PLACES = 22
PLACES = (*range(MOST_PLACES + 1), *range(-1, -MOST_PLACES - 1, -1))
MOST = 1e15
MOST_WHOLE = 2.0**53
MOST_DIGITS = 15


class Unreadable(ValueError):
    """Some value cannot be read; `check` says which, and why."""


class TooLong(Unreadable):
    """A double whose shortest decimal has more than 15 significant digits, and is no whole number up to 2**53.

    `position` in the array as it lies flat.
    """

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def shortest(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The integers k and places d of values = k * 10**-d, in the shape of `values`; |k| < 10**15, or d is 0 and |k| <= 2**53.

    Args: values: any shape, finite; -0.0 is 0.
    Raises: TooLong: a value has more digits (the first such).
    """
    flat = values.ravel()
    integers = np.zeros(flat.shape, np.int64)
    places = np.zeros(flat.shape, np.int64)
    pending = np.flatnonzero(flat)
    for d in PLACES:
        if not pending.size:
            break
        value = flat[pending]
        power = 10.0 ** abs(d)
        k = np.rint(value * power if d >= 0 else value / power)
        read = ((k / power if d >= 0 else k * power) == value) & (np.abs(k) < MOST)
        integers[pending[read]] = k[read]
        places[pending[read]] = d
        pending = pending[~read]
    value = flat[pending]
    is_whole = (np.abs(value) <= MOST_WHOLE) & (np.rint(value) == value)  # of 16 digits, as times in microseconds have
    integers[pending[is_whole]] = value[is_whole]
    for i in pending[~is_whole].tolist():
        sign, digits, exponent = Decimal(repr(float(flat[i]))).normalize().as_tuple()
        if len(digits) > MOST_DIGITS or not isinstance(exponent, int):
            raise TooLong(i)
        k_i = int("".join(map(str, digits)))
        integers[i] = -k_i if sign else k_i
        places[i] = -exponent
    return integers.reshape(values.shape), places.reshape(values.shape)
