"""The plain road to exact sums: every number as a Python integer in its column's unit, multiplied by FLINT."""

from math import frexp

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from service.solver.decimals import shortest
from service.solver.entries import AT_ONCE, zeros
from service.solver.units import Sums, trailing_zeros

MANTISSA = 53
WORD = 62  # the bits of an int64 beside its sign, less one
MOST_AT_ONCE = 1 << 25  # products of integers in one call of FLINT, which keeps other threads waiting: 15 ms
NOTHING = 1 << 20  # an exponent that no double has


def binary_sums(columns: NDArray[np.float64]) -> Sums:
    """The sums of products of doubles, exactly, whatever their magnitudes.

    Args: columns: (q, n), finite. Returns: base 2.
    """
    return products(*binary(columns))


def decimal_sums(columns: NDArray[np.float64]) -> Sums:
    """The sums of products of the shortest decimals, exactly, whatever their magnitudes.

    Args: columns: (q, n). Returns: base 10. Raises: TooLong: as `shortest`.
    """
    return products(*decimal(columns))


def products(integers: NDArray[np.generic], units: list[int]) -> Sums:
    side, n = integers.shape
    if side * side * n <= MOST_AT_ONCE:
        rows = fmpz_mat(side, n, integers.ravel().tolist())
        return Sums(tuple(units), rows * rows.transpose())
    starts = range(0, side, AT_ONCE)
    strips = [fmpz_mat(len(rows), n, rows.ravel().tolist()) for rows in (integers[at : at + AT_ONCE] for at in starts)]
    entries = zeros(side)
    for a, left in zip(starts, strips, strict=True):
        for b, right in zip(starts[a // AT_ONCE :], strips[a // AT_ONCE :], strict=True):
            for i, row in enumerate((left * right.transpose()).tolist(), start=a):
                for j, entry in enumerate(row, start=b):
                    entries[i, j] = entries[j, i] = entry
    return Sums(tuple(units), entries)


def binary(columns: NDArray[np.float64]) -> tuple[NDArray[np.generic], list[int]]:
    """(q, n) integers and (q,) units: columns == integers * 2.0**-units."""
    # Of few rows each call of numpy costs more than its work, 1 to 2 us: what is one number a column is Python's.
    tops = [frexp(largest)[1] for largest in np.maximum.reduce(np.abs(columns), axis=1, initial=0.0).tolist()]
    scaled = columns * np.ldexp(1.0, [WORD - top for top in tops])[:, None]
    integers = scaled.astype(np.int64)
    if not np.logical_and.reduce(integers == scaled, axis=None):
        return long_binary(columns)
    # A column of integers, or of quarters, gets its own coarse unit: shorter sums make everything after cheaper.
    zeros = [trailing_zeros(bits) if bits else WORD for bits in np.bitwise_or.reduce(integers, axis=1).tolist()]
    units = [WORD - top - zero for top, zero in zip(tops, zeros, strict=True)]
    return integers >> np.array(zeros)[:, None], units


def long_binary(columns: NDArray[np.float64]) -> tuple[NDArray[np.generic], list[int]]:
    """As `binary`, for columns of magnitudes too far apart for 62 bits."""
    fraction, exponent = np.frexp(columns)
    exponent[fraction == 0] = NOTHING
    lowest = exponent.min(axis=1)
    lowest[lowest == NOTHING] = MANTISSA
    shift = np.where(fraction == 0, 0, exponent - lowest[:, None])
    integers = np.ldexp(fraction, MANTISSA).astype(np.int64).astype(object) << shift.astype(object)
    return integers, (MANTISSA - lowest).tolist()


def decimal(columns: NDArray[np.float64]) -> tuple[NDArray[np.generic], list[int]]:
    """(q, n) integers and (q,) units: columns == integers * 10**-units, each value as its shortest decimal."""
    integers, places = shortest(columns)
    is_zero = integers == 0
    places[is_zero] = -NOTHING
    units = places.max(axis=1, initial=-NOTHING)
    units[units == -NOTHING] = 0
    shift = units[:, None] - places
    shift[is_zero] = 0
    if shift.max(initial=0) > 3:  # 10**15 * 10**3 < 2**62
        return integers.astype(object) * 10 ** shift.astype(object), units.tolist()
    return integers * 10**shift, units.tolist()
