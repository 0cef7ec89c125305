"""The certified fits of NIST's Statistical Reference Datasets (StRD, linear regression), all digits of them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.solver.least_squares import LeastSquares, least_squares
from service.solver.moments import Moments
from service.solver.reading import Numbers

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("nist_strd.json").read_text())
# Filip's powers need terms made exactly from x: its tenth power has a hundred digits, and no double holds them.
COLUMNS_ARE_EXACT = sorted(DATA.keys() - {"filip"})
# With doubles what doubles can carry of data in decimals, with decimals all of a double.
SUPPORTED = {"wampler2": 13.1, "pontius": 13.4, "norris": 13.9, "longley": 14.6}


def fitted(name: str, numbers: Numbers) -> LeastSquares:
    """The fit of a set, powers of x sent as columns of their own."""
    data = DATA[name]
    x = np.array(data["x"], float)
    X = x if data["degree"] == 1 else x ** np.arange(1, data["degree"] + 1)
    names = tuple(f"x{1 + j}" for j in range(X.shape[1]))
    moments = Moments.of(np.column_stack([X, np.array(data["y"], float)]), (*names, "y"), numbers)
    return least_squares(moments, "y", names, data["intercept"])


def digits(got: float | None, certified: str) -> float:
    """The number of right digits: -log10 of the relative error, of the absolute one where 0 is certified."""
    assert got is not None
    right = Decimal(certified)
    error = abs(Decimal(got) - right) / (abs(right) or 1)
    return float(-error.log10()) if error else 20.0


def figures(name: str, fit: LeastSquares) -> list[tuple[float | None, str]]:
    data = DATA[name]
    coef = (fit.intercept, *fit.coef) if data["intercept"] else fit.coef
    return [
        *zip(coef, data["coef"], strict=True),
        *zip(fit.std_error, data["se"], strict=True),
        (fit.r2, data["r2"]),
        (fit.sigma, data["rsd"]),
    ]


@pytest.mark.parametrize("name", COLUMNS_ARE_EXACT)
def test_decimals_give_every_certified_digit_that_a_double_holds(name: str) -> None:
    """Coefficients, standard errors, R² and sigma: 15.5 digits or more of each."""
    assert min(digits(*pair) for pair in figures(name, fitted(name, "decimal"))) >= 15.5


@pytest.mark.parametrize("name", COLUMNS_ARE_EXACT)
def test_doubles_give_the_digits_that_doubles_carry(name: str) -> None:
    """The data are not quite those that were certified: they were rounded when they were read."""
    coef = figures(name, fitted(name, "float64"))[: len(DATA[name]["coef"])]
    assert min(digits(*pair) for pair in coef) >= SUPPORTED.get(name, 15.5)
