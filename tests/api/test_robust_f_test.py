"""The F test of all slopes under robust errors where coefficients cancel: it is that of the exact ones, as the test of a model is."""

from fractions import Fraction
from typing import Any

import httpx
import pytest
from flint import fmpq, fmpq_mat

from tests.api.made import fit, ok

NOISE = [0.31, -0.52, 0.07, 0.44, -0.23, 0.61, -0.35, -0.12, 0.28, -0.41]


def wald(X: list[list[int]], y: list[float], n_tested: int) -> float:
    """The statistic b' V^-1 b / p of the last p coefficients, with HC0, in fractions."""
    rows, target = fmpq_mat(X), fmpq_mat([[fmpq(*Fraction(value).as_integer_ratio())] for value in y])
    bread = (rows.transpose() * rows).inv()
    coef = bread * (rows.transpose() * target)
    residuals = (target - rows * coef).tolist()
    scores = fmpq_mat([[value * e[0] for value in row] for row, e in zip(rows.tolist(), residuals, strict=True)])
    V = (bread * (scores.transpose() * scores) * bread).tolist()
    first = len(V) - n_tested
    tested = fmpq_mat([row[first:] for row in V[first:]])
    own = fmpq_mat(coef.tolist()[first:])
    found = (own.transpose() * tested.inv() * own)[0, 0] / n_tested
    return float(Fraction(int(found.p), int(found.q)))


def of_all(client: httpx.Client, model: dict[str, Any]) -> float:
    tested = ok(client.post(f"/models/{model['id']}/test", json={"without": model["terms"]}), 200)
    return float(tested["f_statistic"])


def test_the_square_of_a_time_of_some_seconds(client: httpx.Client) -> None:
    """Seconds since 1970 and their squares: the slope loses nine digits to the square, and the test of both none."""
    x = [1_795_900_000 + i for i in range(10)]
    y = [0.5 * i - 0.03 * i * i + noise for i, noise in enumerate(NOISE)]
    model = fit(client, X=[[value] for value in x], y=y, degree=2, cov_type="HC0")

    expected = wald([[1, value, value * value] for value in x], y, 2)
    assert model["metrics"]["f_statistic"] == pytest.approx(expected, rel=1e-11)
    assert of_all(client, model) == pytest.approx(expected, rel=1e-11)


def test_columns_far_from_zero_without_an_intercept(client: httpx.Client) -> None:
    """Their sum is all that is left of two large slopes."""
    X = [[10**9 + 7 * i % 10, 10**9 + 3 * i * i % 11] for i in range(10)]
    y = [a - b + noise for (a, b), noise in zip(X, NOISE, strict=True)]
    model = fit(client, X=X, y=y, fit_intercept=False, cov_type="HC0")

    expected = wald(X, y, 2)
    assert model["metrics"]["f_statistic"] == pytest.approx(expected, rel=1e-11)
    assert of_all(client, model) == pytest.approx(expected, rel=1e-11)


def test_a_slope_of_exactly_zero_has_a_statistic_of_zero(client: httpx.Client) -> None:
    """The effect is 0 in the balls too, which must decide it."""
    model = fit(client, X=[[-1], [-1], [1], [1]], y=[0, 2, 2, 0], cov_type="HC1")

    assert (model["metrics"]["f_statistic"], model["metrics"]["f_p_value"]) == (0.0, 1.0)
