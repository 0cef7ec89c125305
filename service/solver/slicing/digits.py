"""A column as an array of digits, and exact products of such: what integers of hundreds of bits are in float64.

An integer is the sum of digit k times 2**(22 k), each digit a float64 whole number of at most 2**21 in magnitude. Such
digits are slices as in `slices`: over 2**11 rows the ordinary matrix product of them is exact. The product of two columns
is the convolution of their digits and a carry: a digit of it is a sum of at most min(K, K') products of at most 2**42,
exact up to 2**11 digits.

Source: Knuth, The Art of Computer Programming, vol. 2, 4.3.1 and 4.1 (balanced digits).
"""

import numpy as np
from numpy.typing import NDArray

from service.solver.slicing.slices import WIDTH, Floats, Integers

UP, DOWN = 2.0**WIDTH, 2.0**-WIDTH
MOST_DIGITS = 12  # of a column as read
MOST_BITS = WIDTH * MOST_DIGITS - 1


def n_digits(bits: int) -> int:
    """How many digits an integer of at most 2**bits in magnitude has.

    Balanced digits reach a little more than 2**(22 K - 1): the lower ones come to less than half and a bit of the
    highest one's unit, so that the highest, a whole number, is at most 2**21.
    """
    return bits // WIDTH + 1


def split(values: Floats, shift: int, digits: Floats, rest: Floats) -> NDArray[np.bool_] | None:
    """Write the digits of the integers values * 2**shift.

    Args: values: (n,), at most 2**(22 K - 1 - shift) in magnitude. digits: (K, n), written to, lowest first.
          rest: (n,), written over.
    Returns: where the value is no such integer, (n,), its digits then being worth nothing; None: nowhere.
    """
    np.multiply(values, 2.0**shift, out=rest)
    for k in range(len(digits) - 1, -1, -1):
        # Between 2**52 and 2**53 units doubles are whole units: adding and subtracting rounds to them.
        rounder, digit = 1.5 * 2.0 ** (52 + WIDTH * k), digits[k]
        np.add(rest, rounder, out=digit)
        digit -= rounder
        rest -= digit
        if k:
            digit *= 2.0 ** (-WIDTH * k)
    unfit: NDArray[np.bool_] = rest != 0
    return unfit if unfit.any() else None


def multiply(left: Floats, right: Floats, product: Floats, part: Floats) -> None:
    """Write the digits of left * right, (K, n), (K', n).

    Args: product: (K", n), K" = K + K' - 1 or K + K', written to. part: (max(K, K'), n), written over.
    """
    if len(left) < len(right):
        left, right = right, left
    part = part[: len(left)]
    product[len(left) :] = 0.0
    for k, digit in enumerate(right):
        if k == 0:
            np.multiply(left, digit, out=product[: len(left)])
        else:
            np.multiply(left, digit, out=part)
            product[k : k + len(left)] += part
    carried, taken = part[0], np.empty_like(part[0])
    for k in range(len(product) - 1):
        np.multiply(product[k], DOWN, out=carried)
        np.rint(carried, out=carried)
        np.multiply(carried, UP, out=taken)
        product[k] -= taken
        product[k + 1] += carried


def whole(rows: Integers, offsets: list[int]) -> NDArray[np.object_]:
    """The integers whose digits are sums: digit k + l of integer j in (k, offsets[j] + l), (K, s), s = offsets[-1].

    Args: rows: at most 2**63 - 2**53 in magnitude.

    What falls on one digit is added up in 64 bits, so that few Python integers are made: of the K sums only one, of the
    last row, is large after a carry, and those leave 2**53 to spare.
    """
    digits, last = rows.copy(), len(rows) - 1
    for k in range(last):
        carried = (digits[k] + (1 << (WIDTH - 1))) >> WIDTH
        digits[k] -= carried << WIDTH
        digits[k + 1] += carried
    lengths = np.diff(offsets)
    starts = np.append(0, np.cumsum(lengths + last))
    places = np.arange(offsets[-1]) + np.repeat(np.arange(len(lengths)) * last, lengths)
    added = np.zeros(starts[-1], np.int64)
    for k, row in enumerate(digits):
        added[places + k] += row
    shifts = WIDTH * (np.arange(starts[-1]) - np.repeat(starts[:-1], lengths + last))
    integers: NDArray[np.object_] = np.add.reduceat(added.astype(object) << shifts.astype(object), starts[:-1])
    return integers
