"""How far X is from the inverse of A: E = I - A X without rounding, by products of doubles that have none.

Everything is cut into digits of w bits, so few that the sums of products of two digits over a row are integers of at most
2**53: the ordinary dgemm is exact then (the Ozaki scheme, as in `slicing`). The digits of E are carried in int64.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEP_DIGITS = 3  # of an addition to X: 43 bits or more
_LARGEST = 2.0**40  # entry of X that the digits of E leave room for


class Residual:
    """E = I - A X for an X that grows from 0; A a symmetric matrix of entries up to 1/4, cut off below its last digit."""

    def __init__(self, matrix: fmpz_mat, exponents: list[int], bits: int) -> None:
        """Of A[i, j] = matrix[i, j] / 2**(exponents[i] + exponents[j]), with errors of about 2**-bits in all."""
        p = len(exponents)
        self.width = (55 - p.bit_length()) // 2
        self.n_digits = -(-bits // self.width)
        self._A = _digits(matrix, exponents, self.width, self.n_digits)
        # The products of digits that are left out add up to less than those of one place, thrice.
        n_limbs = 2 + -(-(bits + p.bit_length()) // self.width)
        self._E = np.zeros((n_limbs, p, p), np.int64)  # limb m in units of 2**(-width m)
        self._E[0, range(p), range(p)] = 1
        self.cut = 0.0  # no entry of E is further off, but for what cutting A off makes of A X

    @property
    def last_place(self) -> float:
        """What each entry of A is off by at most."""
        return 2.0 ** (-self.width * self.n_digits)

    def matrix(self) -> Floats:
        """A in doubles."""
        return _sum([(digit, self.width * (t - self.n_digits)) for t, digit in enumerate(self._A)])

    def add(self, step: Floats) -> Floats | None:
        """Add `step`, cut to some digits, to X: what was added; None if it is too large."""
        largest = float(np.abs(step).max())
        if not largest < _LARGEST:
            return None
        places = _STEP_DIGITS - -(-(math.frexp(largest)[1] + 1) // self.width)
        digits, left = [], np.ldexp(step, self.width * places)
        for j in reversed(range(_STEP_DIGITS)):
            digit = np.rint(np.ldexp(left, -self.width * j))
            left = left - np.ldexp(digit, self.width * j)
            digits.append(digit)
        left_out = 0
        for (t, A_digit), (j, digit) in product(enumerate(self._A), zip(reversed(range(_STEP_DIGITS)), digits, strict=True)):
            limb = self.n_digits - t + places - j
            if limb < len(self._E):
                self._E[limb] -= (A_digit @ digit).astype(np.int64)
            else:
                left_out += 1
        self.cut += left_out * len(step) * 2.0 ** (2 * self.width - 2 - self.width * len(self._E))
        for m in range(len(self._E) - 1, 0, -1):
            carry = (self._E[m] + (1 << self.width - 1)) >> self.width
            self._E[m] -= carry << self.width
            self._E[m - 1] += carry
        return step - np.ldexp(left, -self.width * places)

    def floats(self) -> Floats:
        """E in doubles, each right to as many units of its last place as there are limbs."""
        return _sum([(limb, -self.width * m) for m, limb in reversed(list(enumerate(self._E)))])


def _sum(parts: list[tuple[NDArray[np.float64] | NDArray[np.int64], int]]) -> Floats:
    """Sum parts times powers of two, the smallest first."""
    total = np.zeros(parts[0][0].shape)
    for part, exponent in parts:
        total += np.ldexp(part.astype(np.float64), exponent)
    return total


def _digits(matrix: fmpz_mat, exponents: list[int], width: int, n_digits: int) -> list[Floats]:
    """The digits of A, the last first, each of at most 2**(width - 1) either way."""
    p, bits = len(exponents), width * n_digits
    n_words = -(-bits // 64)
    packed = bytearray()
    for i in range(p):
        room = bits - exponents[i]
        for j in range(i, p):
            entry, shift = matrix[i, j], room - exponents[j]
            scaled = int(entry << shift if shift >= 0 else entry >> -shift)
            packed += scaled.to_bytes(8 * n_words, "little", signed=True)
    words = np.frombuffer(packed, "<u8").reshape(-1, n_words)
    upper, digits = np.triu_indices(p), []
    carry = np.zeros(len(words), np.int64)
    for t in range(n_digits):
        n_word, place = divmod(width * t, 64)
        value: NDArray[np.uint64] = words[:, n_word] >> np.uint64(place)
        if place + width > 64:
            value = value | words[:, n_word + 1] << np.uint64(64 - place)
        signed = (value & np.uint64((1 << width) - 1)).astype(np.int64) + carry
        carry = np.where(signed >= 1 << width - 1, 1, 0)
        digit = np.empty((p, p))
        digit[upper] = digit.T[upper] = signed - (carry << width)
        digits.append(digit)
    return digits
