"""Leverages in plain doubles: right to 13 digits wherever they are used, and the same bits for one row as for many."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.errors import RankDeficient
from service.solver.leverage import spread
from service.solver.moments import Moments
from service.solver.plain_leverage import PlainSpread, plain_leverage, plain_leverages
from service.solver.terms import Base, Terms, terms
from tests.solver.exact_fit import as_read
from tests.solver.exact_rows import design, exact_leverages, worst

Floats = NDArray[np.float64]
PROMISED = Fraction(1, 10**13)


def made(X: Floats, fit_intercept: bool = True) -> PlainSpread | None:
    names = [f"x{j}" for j in range(X.shape[1])]
    summed = Moments.of(np.column_stack([X, np.arange(len(X)) ** 2.0]), (*names, "y"))
    return PlainSpread.of(spread(summed, "y", names, fit_intercept))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    p=st.integers(0, 12),
    closeness=st.floats(0, 4),
    offset=st.sampled_from([0.0, 1e3, 1e9]),
    scale=st.sampled_from([1e-140, 1.0, 1e120]),
    fit_intercept=st.booleans(),
)
def test_they_are_those_of_exact_arithmetic_wherever_they_are_used(
    seed: int, p: int, closeness: float, offset: float, scale: float, fit_intercept: bool
) -> None:
    """Columns far from 0, of any scale, and ever nearer to each other, up to where twice the digits take over."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(p + 9, 1)) + rng.normal(size=(p + 9, p)) * 10.0**-closeness + offset
    X[:, : p // 2] *= scale
    try:
        parts = made(X[:-3], fit_intercept) if p or fit_intercept else None
    except RankDeficient:
        return
    if parts is None:
        return
    exact = design(as_read(X, "float64"), fit_intercept)

    assert worst(plain_leverages(parts, X), exact_leverages(exact, fmpq_mat(exact.tolist()[:-3]))) <= PROMISED


@pytest.mark.parametrize("p", [1, 2, 10, 24])
def test_one_row_has_the_bits_that_it_has_among_others(p: int) -> None:
    """However many there are, and wherever they are cut."""
    rng = np.random.default_rng(p)
    parts = made(rng.normal(size=(300, p)) + 5.0)
    rows = rng.normal(size=(400, p)) * 7.0
    assert parts is not None

    together = plain_leverages(parts, rows).tolist()

    assert together == [plain_leverage(parts, row) for row in rows.tolist()]
    assert together[3:5] == plain_leverages(parts, rows[3:5]).tolist()


def test_columns_that_nearly_depend_on_each_other_take_twice_the_digits() -> None:
    """As does what is made of columns; columns of ordinary data do not, however far from 0 and of whatever units."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(50, 4))
    near = X.copy()
    near[:, 3] = near[:, :3].sum(axis=1) + 1e-6 * rng.normal(size=50)
    squares = terms([Base("x")], 2)
    summed = Moments.of(np.column_stack([X[:, 0], X[:, 0] ** 2, X[:, 1]]), ("x", "x^2", "y"))

    assert made(near) is None
    assert PlainSpread.of(spread(summed, "y", ["x", "x^2"], True, Terms(squares))) is None
    assert made(X * [1e-100, 1.0, 1e100, 3.0] + [0.0, 1e9, 0.0, 7.0]) is not None


def test_a_row_beyond_doubles_is_infinitely_far() -> None:
    """Never NaN, and no warning."""
    parts = made(np.array([[1e-150], [2e-150], [4e-150]]))
    assert parts is not None
    assert np.isinf(plain_leverages(parts, np.array([[1e150], [-1e150]]))).all()
