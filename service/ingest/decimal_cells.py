"""Arrow's decimals as doubles: each the double that it reads as, and none that would not be itself again.

pyarrow's own cast to float64 is off by a unit in the last place for a third of numbers of 24 places. Here a decimal is taken as
the integer it is stored as, the zeros at its end are counted off (prices often come as decimal(38, 18)), and what is left of at
most 15 digits is divided by a power of ten that is a double: rounded once, hence correctly.
"""

from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.ingest.errors import LossyDecimal

Floats = NDArray[np.float64]
Integers = NDArray[np.uint64]

ROWS = 1 << 16  # converted at a time
MOST = 10**15  # below it each decimal has a double of its own
MOST_DIGITS = 15
POWERS = np.array([float(10**i) for i in range(23)])  # the powers of ten that are doubles
DIGIT = np.uint64(32)  # bits
LOW = np.uint64(0xFFFFFFFF)


def doubles(values: Any, name: str, first_row: int) -> Floats:
    """Decimals, of any width, as float64, nulls as anything.

    Raises: LossyDecimal: one has more than 15 significant digits, zeros at the end not counted, and is not exactly a double whose
        shortest writing has more than 15 too; or it is not 0, and the double that it reads as is.
    """
    parts = [_doubles(values.slice(start, ROWS), name, first_row + start) for start in range(0, len(values), ROWS)]
    return np.concatenate([*parts, np.empty(0)])


def _doubles(values: Any, name: str, first_row: int) -> Floats:
    whole, negative = _magnitudes(values)
    digits, n_zeros = _without_zeros(whole)
    places = values.type.scale - n_zeros
    k = _low(digits).astype(np.float64)
    power = POWERS[np.minimum(np.abs(places), 22)]
    found: Floats = np.where(places >= 0, k / power, k * power)
    found[negative] *= -1
    short = _are_below(MOST, digits)
    once = short & ((np.abs(places) <= 22) | (k == 0))  # rounded once at most
    once |= _are_below(2**53, digits) & (places == 0)  # 16 digits, as times in microseconds have
    present = values.is_valid().to_numpy(zero_copy_only=False)
    for i in np.flatnonzero(present & ~once).tolist():
        # not `as_py`, which fails at some scales
        magnitude = sum(int(digit) << (32 * j) for j, digit in enumerate(whole[:, i]))
        value = Decimal((int(negative[i]), tuple(map(int, str(magnitude))), -values.type.scale))
        found[i] = _one(value, bool(short[i]), name, first_row + i)
    return found


def _one(value: Decimal, is_short: bool, name: str, row: int) -> float:
    double = float(value)  # correctly rounded
    if is_short:
        kept = bool(double) == bool(value)
    else:
        # Some exact values of doubles have short writings, which are other numbers: 99999999999999991611392 is the double that
        # 1e23 reads as. Read as decimals they would become what was not sent.
        kept = Decimal(double) == value and len(Decimal(repr(double)).normalize().as_tuple().digits) > MOST_DIGITS
    if not kept:
        raise LossyDecimal(row, name, str(value))
    return double


def _magnitudes(values: Any) -> tuple[Integers, NDArray[np.bool_]]:
    """The integers that the decimals are stored as: the 32-bit digits of their magnitudes (w, n), lowest first; and their signs."""
    width = values.type.bit_width // 32
    stored = np.frombuffer(values.buffers()[1], "<u4", count=(values.offset + len(values)) * width)
    digits = stored.reshape(-1, width)[values.offset :].T.astype(np.uint64)
    negative = digits[-1] >> np.uint64(31) != 0
    digits ^= np.where(negative, LOW, np.uint64(0))
    carry = negative.astype(np.uint64)
    for i in range(width):  # two's complement
        digits[i] += carry
        carry = digits[i] >> DIGIT
        digits[i] &= LOW
    if width == 1:
        digits = np.vstack([digits, np.zeros_like(digits)])
    while len(digits) > 2 and not digits[-1].any():
        digits = digits[:-1]
    return digits, negative


def _without_zeros(digits: Integers) -> tuple[Integers, NDArray[np.int64]]:
    """The integers without as many zeros at the end as it takes to make them short, and how many those were."""
    n_zeros = np.zeros(digits.shape[1], np.int64)
    for n in (8, 4, 2, 1):
        while not (short := _are_below(MOST, digits)).all():
            quotients, remainders = _divided(digits, np.uint64(10**n))
            taken = ~short & (remainders == 0)
            if not taken.any():
                break
            digits = np.where(taken, quotients, digits)
            n_zeros += n * taken
    return digits, n_zeros


def _divided(digits: Integers, divisor: np.uint64) -> tuple[Integers, Integers]:
    quotients = np.empty_like(digits)
    remainder = np.zeros(digits.shape[1], np.uint64)
    for i in range(len(digits) - 1, -1, -1):
        # below the divisor times 2**32, which fits
        quotients[i], remainder = np.divmod((remainder << DIGIT) | digits[i], divisor)
    return quotients, remainder


def _low(digits: Integers) -> Integers:
    low: Integers = digits[0] | (digits[1] << DIGIT)
    return low


def _are_below(limit: int, digits: Integers) -> NDArray[np.bool_]:
    below: NDArray[np.bool_] = (_low(digits) < np.uint64(limit)) & ~digits[2:].any(axis=0)
    return below
