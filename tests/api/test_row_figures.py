"""What a fit says of its rows unasked: the mean absolute error, and between which values its features lay."""

from fractions import Fraction
from typing import Any

import httpx
import numpy as np
import pytest

from service.jobs.row_figures import MOST_CELLS
from tests.api.made import as_arrow, dataset, fit, ok
from tests.solver.exact_fit import exact_fit

RNG = np.random.default_rng(12)
N = 40
X = RNG.normal(size=(N, 2)).round(3)
Y = (X.sum(axis=1) + RNG.normal(size=N)).round(3)
W = RNG.integers(1, 7, size=N) / 4
ROWS: dict[str, Any] = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "y": Y.tolist(), "w": W.tolist()}


def exact_mae(weights: list[float] | None) -> float:
    """In fractions."""
    rows, y = [[Fraction(value) for value in row] for row in X.tolist()], [Fraction(value) for value in Y.tolist()]
    w = [Fraction(1)] * N if weights is None else [Fraction(value) for value in weights]
    theta = exact_fit(rows, y, weights=w).theta
    left = [target - theta[0] - theta[1] * a - theta[2] * b for (a, b), target in zip(rows, y, strict=True)]
    return float(sum((abs(e) * weight for e, weight in zip(left, w, strict=True)), Fraction(0)) / sum(w))


@pytest.mark.parametrize("weights", [None, "w"])
def test_the_mean_absolute_error_is_that_of_fractions_by_weight(client: httpx.Client, weights: str | None) -> None:
    """To 15 digits, of rows in the call and of a data set, to the same bit."""
    stored = fit(client, dataset_id=dataset(client, ROWS), target="y", features=["a", "b"], weights=weights)
    sent = fit(
        client, X=X.tolist(), y=Y.tolist(), feature_names=["a", "b"], **({} if weights is None else {"weights": W.tolist()})
    )
    assert stored["metrics"]["mae"] == sent["metrics"]["mae"]
    assert stored["metrics"]["mae"] == pytest.approx(exact_mae(None if weights is None else W.tolist()), rel=1e-15)


def test_ranges_are_those_of_the_rows_that_count(client: httpx.Client) -> None:
    """Not of rows that were dropped, or lie outside the range of rows that was asked for; of numbers alone."""
    a: list[Any] = [5.0, None, -2.0, 3.0, 9.0, 1.0]
    rows: Any = {"a": a, "b": [1.0, 99.0, 2.0, 3.0, 4.0, 6.0], "y": [1.0, 2.0, 3.0, 5.0, 4.0, 7.0], "c": list("uvuvuv")}
    spec = {"dataset_id": dataset(client, rows), "target": "y", "missing": "drop", "categorical": "one_hot"}
    assert fit(client, **spec)["ranges"] == {"a": [-2.0, 9.0], "b": [1.0, 6.0]}
    assert fit(client, **spec, features=["a"], rows=[0, 4])["ranges"] == {"a": [-2.0, 5.0]}
    powers = fit(client, X=[[1.0], [2.0], [4.0], [8.0]], y=[1.0, 2.0, 3.0, 9.0], degree=2)
    assert powers["ranges"] == {"x": [1.0, 8.0]}


def test_the_error_of_a_descent_is_that_of_its_own_coefficients(client: httpx.Client) -> None:
    """Where it stopped, not where it was going."""
    spec: dict[str, Any] = {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.0], "method": "gradient_descent"}
    start = fit(client, **spec, epochs=1, learning_rate=1e-300)
    assert start["metrics"]["mae"] == 3.0
    short = fit(client, **spec, epochs=3, learning_rate=0.1)
    left = [y - short["intercept"] - short["coef"][0] * x for x, y in enumerate([1.0, 3.0, 5.0])]
    assert short["metrics"]["mae"] == pytest.approx(np.abs(left).mean(), rel=1e-14)


def test_many_rows_are_not_read_again_for_what_nobody_asked(client: httpx.Client) -> None:
    """The mean absolute error is null, with where to ask for it; the data set knows its own ranges."""
    n = MOST_CELLS // 2 + 1
    x = np.arange(float(n))
    sent = as_arrow({"x": x.tolist(), "y": (x % 7).tolist()})
    id_ = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))["id"]
    model = fit(client, dataset_id=id_, target="y")
    assert model["metrics"]["mae"] is None
    assert "/diagnostics" in model["reasons"]["mae"]
    assert model["ranges"] == {"x": [0.0, n - 1.0]}
    few = fit(client, dataset_id=id_, target="y", rows=[10, 20])
    assert few["metrics"]["mae"] is not None
    assert few["ranges"] == {"x": [10.0, 19.0]}
