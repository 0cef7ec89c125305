"""Digits: integers of any length as small whole numbers in float64, and their exact products."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.slicing.digits import MOST_BITS, multiply, n_digits, split, whole
from service.solver.slicing.slices import LARGEST_SLICE, WIDTH
from service.solver.slicing.windows import windows

Floats = NDArray[np.float64]


def digits_of(values: list[int], bits: int) -> Floats:
    """The digits by Python's integers, balanced, (K, n)."""
    digits = np.zeros((n_digits(bits), len(values)))
    for column, of in enumerate(values):
        value = of
        for k in range(len(digits)):
            digit = (value + LARGEST_SLICE) % (1 << WIDTH) - LARGEST_SLICE if k < len(digits) - 1 else value
            digits[k, column] = digit
            value = (value - digit) >> WIDTH
    return digits


def values_of(digits: Floats) -> list[int]:
    return [sum(int(digit) << WIDTH * k for k, digit in enumerate(column)) for column in digits.T.tolist()]


@settings(max_examples=200)
@given(st.integers(0, 400), st.integers(0, 400), st.data())
def test_the_product_of_digits_is_the_product(bits: int, other_bits: int, data: st.DataObject) -> None:
    """Exactly, and with digits so small again that the matrix product of them is exact."""
    left = data.draw(st.lists(st.integers(-(2**bits), 2**bits), min_size=3, max_size=3))
    right = data.draw(st.lists(st.integers(-(2**other_bits), 2**other_bits), min_size=3, max_size=3))
    product = np.full((n_digits(bits + other_bits), 3), np.nan)
    part = np.full((max(n_digits(bits), n_digits(other_bits)), 3), np.nan)

    multiply(digits_of(left, bits), digits_of(right, other_bits), product, part)

    assert values_of(product) == [a * b for a, b in zip(left, right, strict=True)]
    assert np.abs(product).max() <= LARGEST_SLICE


@settings(max_examples=200)
@given(
    st.lists(st.floats(1e-150, 1e150) | st.floats(-1e9, -1e-9) | st.sampled_from([0.0, 1.0, 1e150]), min_size=1, max_size=5)
)
def test_values_are_split_into_digits_or_said_not_to_fit(values: list[float]) -> None:
    """In the window chosen for them all values fit that lie less than 263 bits apart, and no other passes for fitting."""
    column = np.array(values)
    chosen = windows(column[None], tolerated=0)
    low, high = chosen.low[0], chosen.high[0]
    fits = np.array([value == 0 or (value / 2.0**low).is_integer() for value in values])
    digits, rest = np.empty((n_digits(high - low), len(values))), np.empty(len(values))

    unfit = split(column, -low, digits, rest)

    assert np.array_equal(fits, ~unfit if unfit is not None else np.ones(len(values), bool))
    assert fits.all() or high - low == MOST_BITS
    assert [v for v, is_fit in zip(values_of(digits), fits, strict=True) if is_fit] == [
        int(value / 2.0**low) for value, is_fit in zip(values, fits, strict=True) if is_fit
    ]
    assert np.abs(digits).max() <= LARGEST_SLICE


@pytest.mark.parametrize("values", [[1.0, 0.0, -1.0], [0.0, 0.0, 0.0]], ids=["an indicator", "nothing but zeros"])
def test_a_column_of_ones_and_zeros_has_one_digit(values: list[float]) -> None:
    """A product with an indicator is no longer than the other factor."""
    assert windows(np.array([values]), tolerated=0).bits == [0]
    assert n_digits(0) == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_sums_of_digits_are_put_together_without_overflow(sign: int) -> None:
    """1,023 blocks of sums of 2**53: what 64 bits hold, and their carries too."""
    largest = sign * 1023 * 2**53
    offsets = [0, 1, 8, 10]

    made = whole(np.full((7, 10), largest), offsets).tolist()

    assert made == [
        sum(largest << WIDTH * (k + place) for k in range(7) for place in range(stop - start))
        for start, stop in pairwise(offsets)
    ]
