"""Moments of many columns, which are handled entry by entry: all as of few."""

from collections.abc import Callable
from functools import cache
from operator import add, sub

import numpy as np
import pytest

from service.solver.moments import Moments
from service.solver.reading import Numbers

N_ROWS, N_COLUMNS = 400, 300
COLUMNS = [f"x{j}" for j in range(N_COLUMNS)]
READINGS: tuple[Numbers, ...] = ("float64", "decimal")


@cache
def moments(numbers: Numbers) -> Moments:
    """Of columns of which each has its own scale, and so its own unit."""
    return Moments.of(rows(), COLUMNS, numbers)


@cache
def rows() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    whole = np.random.default_rng(0).integers(-(10**6), 10**6, (N_ROWS, N_COLUMNS))
    return np.asarray(whole / 10.0 ** (np.arange(N_COLUMNS) % 7), np.float64)


@pytest.mark.parametrize("numbers", READINGS)
def test_bytes_give_wide_moments_back(numbers: Numbers) -> None:
    """Every bit of every sum, both triangles."""
    whole = moments(numbers)

    back = Moments.from_bytes(whole.to_bytes())

    assert (back.columns, back.numbers, back.units) == (whole.columns, whole.numbers, whole.units)
    assert back.sums == whole.sums == whole.sums.transpose()


@pytest.mark.parametrize("numbers", READINGS)
def test_columns_selected_from_wide_moments_are_those_of_their_rows(numbers: Numbers) -> None:
    """In whatever order: 200 of 300 columns, the last first."""
    kept = list(range(N_COLUMNS))[::-1][:200]
    names = [COLUMNS[j] for j in kept]

    selected = moments(numbers).select(names)

    assert selected.digest() == Moments.of(rows()[:, kept], names, numbers).digest()
    assert Moments.from_bytes(selected.to_bytes()).sums == selected.sums


@pytest.mark.parametrize("numbers", READINGS)
@pytest.mark.parametrize(("operation", "of_rows"), [(add, rows()[:50]), (sub, rows()[50:])], ids=["joined", "taken away"])
def test_wide_moments_are_joined_and_parted(
    numbers: Numbers,
    operation: Callable[[Moments, Moments], Moments],
    of_rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    """Each column in the finer of its two units, as with few columns."""
    result = operation(moments(numbers), Moments.of(of_rows, COLUMNS, numbers))

    expected = np.concatenate([rows(), of_rows]) if operation is add else rows()[:50]
    assert result.digest() == Moments.of(expected, COLUMNS, numbers).digest()
