"""Rows far off rows that fit well: their studentized residuals are those of exact arithmetic, by a fit of the others."""

from fractions import Fraction
from math import sqrt
from typing import Any

import httpx
import pytest
from flint import fmpq, fmpq_mat

from tests.api.made import fit, ok

N, WILD = 9, 3
X = [i / 10 for i in range(N)]
Y = [50.0 if i == WILD else round(2 * x + 1e-5 * (i * i % 7), 5) for i, x in enumerate(X)]
TWOS = [1.0 if i == WILD else 1.0 + i % 3 for i in range(N)]
HALVES = [0.25 + i % 4 for i in range(N)]


def studentized(powers: list[int], weights: list[float], numbers: str, repeated: bool) -> float:
    """What the wild row is off when the others are fitted, in units of what is expected there."""
    x, y, w = ([Fraction(value) if numbers == "float64" else Fraction(repr(value)) for value in of] for of in (X, Y, weights))
    A = fmpq_mat(N, len(powers), [fmpq(*(value**k).as_integer_ratio()) for value in x for k in powers])
    others = [i for i in range(N) if i != WILD]
    W, Z, t = (fmpq_mat(N - 1, n) for n in (N - 1, len(powers), 1))
    for at, i in enumerate(others):
        W[at, at], t[at, 0] = fmpq(*w[i].as_integer_ratio()), fmpq(*y[i].as_integer_ratio())
        for j in range(len(powers)):
            Z[at, j] = A[i, j]
    inverse = (Z.transpose() * W * Z).inv()
    theta = inverse * Z.transpose() * W * t
    e = t - Z * theta
    df = (sum(weights) - 1 if repeated else N - 1) - len(powers)
    square = (e.transpose() * W * e)[0, 0] / int(df)
    row = fmpq_mat(1, len(powers), [A[WILD, j] for j in range(len(powers))])
    off = fmpq(*y[WILD].as_integer_ratio()) - (row * theta)[0, 0]
    expected = square * (1 / fmpq(*w[WILD].as_integer_ratio()) + (row * inverse * row.transpose())[0, 0])
    ratio = off * off / expected
    return sqrt(Fraction(int(ratio.p), int(ratio.q)))


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize(
    ("options", "powers", "weights"),
    [
        ({}, [0, 1], None),
        ({"fit_intercept": False}, [1], None),
        ({"degree": 2}, [0, 1, 2], None),
        ({"weight_type": "precision"}, [0, 1], HALVES),
        ({"weight_type": "frequency"}, [0, 1], TWOS),
    ],
)
def test_a_wild_row_is_studentized_as_in_rationals(
    client: httpx.Client, options: dict[str, Any], powers: list[int], weights: list[float] | None, numbers: str
) -> None:
    sent = options if weights is None else options | {"weights": weights}
    model = fit(client, X=[[x] for x in X], y=Y, numbers=numbers, **sent)
    found = ok(client.get(f"/models/{model['id']}/diagnostics"), 200)["items"][WILD]["studentized_residual"]
    exact = studentized(powers, weights or [1.0] * N, numbers, options.get("weight_type") == "frequency")
    assert exact > 1e5
    assert found == pytest.approx(exact, rel=1e-12)


def test_where_the_others_are_exactly_fitted_there_is_nothing_to_compare_with(client: httpx.Client) -> None:
    model = fit(client, X=[[i] for i in range(8)], y=[50.0 if i == WILD else 2.0 * i for i in range(8)])
    found = ok(client.get(f"/models/{model['id']}/diagnostics"), 200)
    assert found["items"][WILD]["studentized_residual"] is None
    assert found["reasons"]["studentized_residual"].startswith(f"without row {WILD} the fit is exact")
