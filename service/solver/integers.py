"""The plain road to exact sums: every number as a Python integer in its column's unit, multiplied by FLINT."""

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.decimals import shortest
from service.solver.units import Sums

MANTISSA = 53
WORD = 62  # bits that an int64 holds beside its sign, less one
NOTHING = 1 << 20  # an exponent that no double has


def binary_sums(columns: NDArray[np.float64]) -> Sums:
    """The sums of products of doubles, exactly, whatever their magnitudes.

    Args: columns: (q, n). Returns: base 2.
    """
    return products(*binary(columns))


def decimal_sums(columns: NDArray[np.float64]) -> Sums:
    """The sums of products of the shortest decimals, exactly, whatever their magnitudes.

    Args: columns: (q, n). Returns: base 10.
    """
    return products(*decimal(columns))


def products(integers: NDArray[np.generic], units: NDArray[np.int64]) -> Sums:
    rows = fmpz_mat(integers.shape[0], integers.shape[1], integers.ravel().tolist())
    return Sums(tuple(units.tolist()), rows * rows.transpose())


def binary(columns: NDArray[np.float64]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """(q, n) integers and (q,) units: columns == integers * 2.0**-units, the coarsest units that give integers."""
    fraction, exponent = np.frexp(columns)
    integers = np.ldexp(fraction, MANTISSA).astype(np.int64)
    is_zero = integers == 0
    exponent[is_zero] = NOTHING
    lowest = exponent.min(axis=1, initial=NOTHING)
    lowest[lowest == NOTHING] = MANTISSA
    shift = exponent - lowest[:, None]
    shift[is_zero] = 0
    units = (MANTISSA - lowest).astype(np.int64)
    if shift.max(initial=0) > WORD - MANTISSA:
        return integers.astype(object) << shift.astype(object), units
    integers <<= shift
    # A column of integers, or of quarters, gets its own coarse unit: shorter sums make everything after cheaper.
    bits = np.bitwise_or.reduce(integers, axis=1)
    zeros = np.where(bits != 0, np.frexp((bits & -bits).astype(np.float64))[1] - 1, 0)
    return integers >> zeros[:, None], units - zeros


def decimal(columns: NDArray[np.float64]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """(q, n) integers and (q,) units: columns == integers * 10**-units, each value as its shortest decimal."""
    integers, places = shortest(columns)
    is_zero = integers == 0
    places[is_zero] = -NOTHING
    units = places.max(axis=1, initial=-NOTHING)
    units[units == -NOTHING] = 0
    shift = units[:, None] - places
    shift[is_zero] = 0
    if shift.max(initial=0) > 3:  # 10**15 * 10**3 < 2**62
        return integers.astype(object) * 10 ** shift.astype(object), units
    return integers * 10**shift, units
