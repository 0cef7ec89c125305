"""What a double lacks of the decimal that it stands for."""

from fractions import Fraction

import numpy as np

from service.solver.double_double import Floats, split, two_product

_PLACES = 22  # 10**22 is the last power of ten that is a double
_LARGEST = 1e15  # below it each decimal of 15 digits has its own double
_LARGEST_WHOLE = 2.0**53
_FEW = 8  # values that are quicker one by one


def decimal_rest(x: Floats) -> Floats:
    """Subtract each double from the shortest decimal that reads as it, rounded; 0 for one of more than 15 digits."""
    flat = x.ravel()
    if flat.size <= _FEW:
        return np.array([_rest(value) for value in flat.tolist()], np.float64).reshape(x.shape)
    rest = np.zeros_like(flat)
    left = np.flatnonzero((flat != np.rint(flat)) | (np.abs(flat) > _LARGEST_WHOLE))  # the others are their own decimals
    if not left.size:
        return rest.reshape(x.shape)
    for places in _guesses(flat[left]):
        found, lacking = _with_places(flat[left], places)
        rest[left[found]] = lacking[found]
        left = left[~found]
        if not left.size:
            break
    # Within these bounds 22 places hold every decimal of 15 digits: what is left there has more.
    size = np.abs(flat[left])
    for i in left[(size < 10.0 ** (14 - _PLACES)) | (size >= _LARGEST)]:
        rest[i] = _rest(float(flat[i]))
    return rest.reshape(x.shape)


def _guesses(flat: Floats) -> list[int]:
    """The places that the first value has, then all: values of one block mostly have the same."""
    first = Fraction(repr(float(flat[0])))
    places = next((d for d in range(_PLACES + 1) if first * 10**d % 1 == 0), 0)
    return [places, *range(_PLACES + 1)]


def _with_places(x: Floats, places: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Floats]:
    """Which are decimals of `places` places, and what they lack then: (k - x * 10**places) / 10**places."""
    power = np.array([10.0**places])
    k = np.rint(x * power)
    found = (k / power == x) & (np.abs(k) < _LARGEST)
    product, error = two_product(x, power, split(power))
    return found, ((k - product) - error) / power


def _rest(x: float) -> float:
    decimal = repr(x)
    digits = decimal.lower().partition("e")[0].replace("-", "").replace(".", "").strip("0")
    return float(Fraction(decimal) - Fraction(x)) if len(digits) <= 15 else 0.0
