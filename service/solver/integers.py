"""The plain road to exact sums: every number as a Python integer in its column's unit, multiplied by FLINT."""

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.decimals import shortest
from service.solver.units import Sums

MANTISSA = 53
WORD = 62  # bits that an int64 holds beside its sign, less one


def sums_of_products(block: NDArray[np.float64], numbers: str) -> Sums:
    """The sums of products of [1, block], exactly, for blocks of any spread of magnitudes.

    Args: block: (n, q), as `check` lets pass.
    Returns: (1 + q,) units and the (1 + q, 1 + q) sums.
    """
    n_rows, n_columns = block.shape
    integers, units = binary(block) if numbers == "float64" else decimal(block)
    rows = fmpz_mat(1 + n_columns, n_rows, [1] * n_rows + integers.ravel().tolist())
    return Sums((0, *units.tolist()), rows * rows.transpose())


def binary(block: NDArray[np.float64]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """(q, n) integers and (q,) units: block.T == integers * 2.0**-units."""
    fraction, exponent = np.frexp(block.T)
    integers = np.ldexp(fraction, MANTISSA).astype(np.int64)
    bits = np.bitwise_or.reduce(integers, axis=1, initial=0)
    lowest = np.min(exponent, axis=1, where=fraction != 0, initial=1 << 20)
    lowest[bits == 0] = MANTISSA
    shift = np.where(fraction != 0, exponent - lowest[:, None], 0)
    units = (MANTISSA - lowest).astype(np.int64)
    if shift.max(initial=0) > WORD - MANTISSA:
        return integers.astype(object) << shift.astype(object), units
    integers <<= shift
    # A column of integers, or of quarters, gets its own coarse unit: shorter sums make everything after cheaper.
    bits = np.bitwise_or.reduce(integers, axis=1, initial=0)
    zeros = np.where(bits != 0, np.frexp((bits & -bits).astype(np.float64))[1] - 1, 0)
    return integers >> zeros[:, None], units - zeros


def decimal(block: NDArray[np.float64]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """(q, n) integers and (q,) units: block.T == integers * 10**-units, each value as its shortest decimal."""
    integers, places = shortest(block.T)
    units = np.max(places, axis=1, where=integers != 0, initial=-(1 << 20))
    units[units == -(1 << 20)] = 0
    shift = np.where(integers != 0, units[:, None] - places, 0)
    if shift.max(initial=0) > 3:  # 10**15 * 10**3 < 2**62
        return integers.astype(object) * 10 ** shift.astype(object), units
    return integers * 10**shift, units
