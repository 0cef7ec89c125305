"""Fits of high powers: figures that take thousands of bits are decided in balls, and by rationals only if they must be."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpq_mat, fmpz
from numpy.typing import NDArray

from service.solver.centred import centred
from service.solver.correlation import Inverted
from service.solver.least_squares import least_squares
from tests.solver.exact_fit import ExactFit, assert_figures
from tests.solver.exact_terms import made, summed

Floats = NDArray[np.float64]
STATE = np.random.default_rng(0)


def exact_polynomial(x: Floats, y: Floats, degree: int) -> ExactFit:
    """By FLINT's rationals from the rows: hundreds of times as fast as the standard library's."""
    n, size = len(x), 1 + degree
    values = [fmpq(*map(fmpz, value.as_integer_ratio())) for value in x.tolist()]
    X = fmpq_mat(n, size, [value**k for value in values for k in range(size)])
    target = fmpq_mat(n, 1, [fmpq(*map(fmpz, value.as_integer_ratio())) for value in y.tolist()])
    C = (X.transpose() * X).inv()
    theta = C * (X.transpose() * target)
    residuals = target - X * theta
    rss = as_fraction((residuals.transpose() * residuals)[0, 0])
    read = list(map(Fraction, y.tolist()))
    mean = sum(read, Fraction(0)) / n
    return ExactFit(
        theta=[as_fraction(theta[i, 0]) for i in range(size)],
        variances=[rss / (n - size) * as_fraction(C[i, i]) for i in range(size)],
        rss=rss,
        total=sum(((value - mean) ** 2 for value in read), Fraction(0)),
        weight=Fraction(n),
        df=n - size,
    )


def as_fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


@pytest.fixture
def no_rationals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that asks for rationals fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("rationals were asked for")

    monkeypatch.setattr("service.solver.plain.in_rationals", refuse)


@pytest.mark.usefixtures("no_rationals")
@pytest.mark.parametrize(("mean", "spread"), [(1.0, 1e-4), (1900.0, 1.0)], ids=["near 1", "years"])
def test_a_fit_of_degree_thirty_is_exact_and_takes_no_rationals(mean: float, spread: float) -> None:
    """Powers of doubles far from 0, with condition numbers beyond 1e115: 1,024 bits do not even tell the inverse."""
    x, y = mean + spread * STATE.normal(size=36), STATE.normal(size=36)
    of = made(1, 30)
    moments = summed([np.column_stack([x, y])], of, 1)
    inverted = Inverted.of(centred(moments, fit_intercept=True))
    assert inverted is not None
    assert inverted.bits > 1024

    fit = least_squares(moments, "y", [term.name for term in of], rank_deficient="allow")

    assert_figures(fit, exact_polynomial(x, y, 30))


def test_what_is_exactly_zero_is_decided_by_rationals() -> None:
    """An even target of rows that are symmetric about 0: odd powers have coefficients of exactly 0, even ones do not."""
    x = np.arange(-20.0, 21.0)
    y = np.cos(x / 7)
    of = made(1, 24)

    fit = least_squares(summed([np.column_stack([x, y])], of, 1), "y", [term.name for term in of])

    assert_figures(fit, exact_polynomial(x, y, 24))
    assert set(fit.coef[::2]) == {0.0}
    assert 0.0 not in fit.coef[1::2]
