"""What the inverse promises: balls that hold the exact one, and are tight where the matrix is well-conditioned."""

from collections.abc import Callable

import numpy as np
import pytest
from flint import arb_mat, fmpq_mat, fmpz, fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from service.solver import inverse as module
from service.solver.balls import precision
from service.solver.inverse import inverse


@pytest.fixture
def refined_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices go the way of large ones, so that exact inverses of many are affordable."""
    monkeypatch.setattr(module, "_FEW", 0)


def gram(rng: np.random.Generator, p: int, *, bits: int, gap: int = 0, spread: int = 0) -> fmpz_mat:
    """X'X of random integer columns; with a gap all are within 2**-gap of the first; sizes differ by up to 2**spread."""
    rows = [[int(value) << bits for value in row] for row in rng.integers(-(2**30), 2**30, size=(2 * p, p))]
    if gap:
        rows = [[row[0] + (value >> gap) if j else value for j, value in enumerate(row)] for row in rows]
    shifts = [int(shift) for shift in rng.integers(0, spread + 1, size=p)]
    X = fmpz_mat([[value << shift for value, shift in zip(row, shifts, strict=True)] for row in rows])
    return X.transpose() * X


def holds(balls: arb_mat, exact: fmpq_mat) -> bool:
    with precision(2000):  # of the rationals, which become balls themselves
        return all(ball.contains(value) for ball, value in zip(balls.entries(), exact.entries(), strict=True))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    p=st.integers(1, 12),
    prec=st.sampled_from([128, 192, 384]),
    gap=st.integers(0, 40),
    spread=st.integers(0, 20),
)
@pytest.mark.usefixtures("refined_always")
def test_the_balls_hold_the_exact_inverse(seed: int, p: int, prec: int, gap: int, spread: int) -> None:
    """Well-conditioned or hardly to be told from singular, in columns of one size or of many."""
    matrix = gram(np.random.default_rng(seed), p, bits=40, gap=gap, spread=spread)
    with precision(prec):
        try:
            balls = inverse(matrix)
        except ZeroDivisionError:
            return
        assert holds(balls, fmpq_mat(matrix).inv())


@pytest.mark.parametrize("prec", [192, 384])
def test_a_wide_matrix_has_the_digits_that_rounding_needs(prec: int) -> None:
    """Each entry of the diagonal to within 2**-(prec - 40), and every ball around the exact value."""
    matrix = gram(np.random.default_rng(1), 60, bits=20)
    with precision(prec):
        balls = inverse(matrix)
        exact = fmpq_mat(matrix).inv()
        assert holds(balls, exact)
        assert all(balls[i, i].rel_accuracy_bits() >= prec - 40 for i in range(60))


@pytest.mark.parametrize("prec", [192, 1024])
@pytest.mark.parametrize("change", [lambda row: row[-1], lambda row: row[-1] * 3 - row[0]], ids=["equal", "sum"])
def test_a_singular_matrix_is_no_division(change: Callable[[list[fmpz]], fmpz], prec: int) -> None:
    """At any precision, by either way of solving."""
    rows = np.random.default_rng(2).integers(-(10**6), 10**6, size=(130, 60)).tolist()
    X = fmpz_mat([[*row, int(change(row))] for row in rows])
    with precision(prec), pytest.raises(ZeroDivisionError):
        inverse(X.transpose() * X)


@pytest.mark.usefixtures("refined_always")
def test_columns_at_right_angles_are_inverted_exactly_enough() -> None:
    """Nothing is left to refine, which must not divide by it."""
    matrix = fmpz_mat([[fmpz(3 + 5 * i) * (i == j) for j in range(5)] for i in range(5)])
    with precision(192):
        balls = inverse(matrix)
        assert holds(balls, fmpq_mat(matrix).inv())
