"""How far fits are off on rows that they have not seen."""

from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.folds import folds
from tests.api.made import as_arrow, dataset, fit, ok, pointers, refused

Floats = NDArray[np.float64]

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 2))
Y = 1.0 + X @ np.array([2.0, -1.0]) + RANDOM.normal(size=60)
WEIGHTS = RANDOM.uniform(0.5, 2.0, size=60)
COLUMNS: dict[str, list[float]] = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "y": Y.tolist(), "w": WEIGHTS.tolist()}


def squares(k: int, design: Floats, y: Floats, w: Floats) -> list[float]:
    """The weighted mean of squared residuals of each fold, by a fit of the others."""
    of_row, found = folds(np.arange(len(y)), k), []
    for fold in range(k):
        others, own = of_row != fold, of_row == fold
        root = np.sqrt(w[others])
        theta = np.linalg.lstsq(design[others] * root[:, None], y[others] * root, rcond=None)[0]
        found.append(float(np.average((y[own] - design[own] @ theta) ** 2, weights=w[own])))
    return found


def with_one(columns: Floats) -> Floats:
    return np.column_stack([np.ones(len(columns)), columns])


def test_each_fold_is_held_against_the_fit_of_the_others(client: httpx.Client) -> None:
    id_ = dataset(client, COLUMNS)
    found = fit(client, dataset_id=id_, target="y", features=["a", "b"], cv=5)["cv"]

    expected = squares(5, with_one(X), Y, np.ones(60))
    assert [fold["n_samples"] for fold in found["of_folds"]] == [12] * 5
    assert [fold["mse"] for fold in found["of_folds"]] == pytest.approx(expected, rel=1e-12)
    assert found["mse"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(expected)), rel=1e-12)
    assert found["r2"] == pytest.approx(1 - np.mean(expected) / np.var(Y), rel=1e-12)
    assert found["mse_std_error"] == pytest.approx(np.std(expected, ddof=1) / np.sqrt(5), rel=1e-12)
    assert (found["folds"], found["reasons"]) == (5, {})


def test_rows_in_the_call_are_folded_as_those_of_a_data_set_are(client: httpx.Client) -> None:
    id_ = dataset(client, COLUMNS)
    of_set = fit(client, dataset_id=id_, target="y", features=["a", "b"], cv=7)
    inline = fit(client, X=X.tolist(), y=Y.tolist(), cv=7)
    assert inline["cv"] == of_set["cv"]
    assert inline["coef"] == of_set["coef"]
    assert inline["options"]["cv"] == 7


def test_weights_and_terms_are_those_of_the_fit(client: httpx.Client) -> None:
    id_ = dataset(client, COLUMNS)
    found = fit(client, dataset_id=id_, target="y", features=["a"], weights="w", degree=2, cv=4)["cv"]
    a = X[:, 0]
    expected = squares(4, with_one(np.column_stack([a, a**2])), Y, WEIGHTS)
    of_row = folds(np.arange(60), 4)
    shares = [WEIGHTS[of_row == fold].sum() for fold in range(4)]
    assert [fold["mse"] for fold in found["of_folds"]] == pytest.approx(expected, rel=1e-12)
    assert found["mse"] == pytest.approx(np.average(expected, weights=shares), rel=1e-12)


def test_a_descent_descends_without_each_fold(client: httpx.Client) -> None:
    options = {"method": "gradient_descent", "epochs": 20, "learning_rate": 0.1, "cv": 3}
    found = fit(client, X=X.tolist(), y=Y.tolist(), **options)["cv"]
    of_row, design = folds(np.arange(60), 3), with_one(X)
    expected = []
    for fold in range(3):
        others, own = of_row != fold, of_row == fold
        theta = np.zeros(3)
        for _ in range(20):
            theta += 0.1 * design[others].T @ (Y[others] - design[others] @ theta) / others.sum()
        expected.append(float(np.mean((Y[own] - design[own] @ theta) ** 2)))
    assert [fold["mse"] for fold in found["of_folds"]] == pytest.approx(expected, rel=1e-12)


def left_out(design: Floats, y: Floats) -> Floats:
    """What each row is off when all others are fitted."""
    off = np.empty(len(y))
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        off[i] = y[i] - design[i] @ np.linalg.lstsq(design[others], y[others], rcond=None)[0]
    return off


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_leaving_one_out_is_n_fits_from_one(client: httpx.Client, fit_intercept: bool) -> None:
    """PRESS from the leverages: exactly what sixty fits say."""
    design = with_one(X) if fit_intercept else X
    model = fit(client, X=X.tolist(), y=Y.tolist(), cv="leave_one_out", fit_intercept=fit_intercept)
    found, off = model["cv"], left_out(design, Y)
    assert found["folds"] == "leave_one_out"
    assert found["mse"] == pytest.approx(np.mean(off**2), rel=1e-12)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-12)
    assert found["r2"] == pytest.approx(1 - np.mean(off**2) / (np.var(Y) if fit_intercept else np.mean(Y**2)), rel=1e-12)
    assert found["mse_std_error"] is None
    assert found["reasons"].keys() == {"mse_std_error"}


def test_a_row_that_nothing_else_determines_leaves_no_figure(client: httpx.Client) -> None:
    found = fit(client, X=[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 1.0]], y=[0.0, 1.5, 1.0, 5.0], cv="leave_one_out")["cv"]
    assert found["mse"] is None
    assert "3" in found["reasons"]["mse"]


def test_a_fold_without_which_there_is_no_fit_says_so(client: httpx.Client) -> None:
    """All figures are null then: the mean of those that are there would be of easier rows."""
    rows = [[float(i), float(i == 0)] for i in range(8)]
    found = fit(client, X=rows, y=[0.5, 1.0, 2.5, 3.0, 4.5, 5.0, 6.0, 7.5], cv=4)["cv"]
    assert sum(fold["mse"] is None for fold in found["of_folds"]) == 1
    assert any("x2" in (fold["reason"] or "") for fold in found["of_folds"])
    assert (found["mse"], found["r2"]) == (None, None)
    assert found["reasons"].keys() >= {"mse", "rmse", "r2"}


def test_a_target_that_does_not_vary_has_no_r2(client: httpx.Client) -> None:
    found: dict[str, Any] = fit(client, X=X.tolist(), y=[3.0] * 60, cv=3)["cv"]
    assert (found["mse"], found["r2"]) == (0.0, None)
    assert "constant" in found["reasons"]["r2"]


def test_many_rows_are_folded_in_a_job(client: httpx.Client) -> None:
    """And each row is in one fold, whatever batches it comes in."""
    n = 300_000
    x = np.random.default_rng(1).normal(size=n)
    y = 2 * x + np.random.default_rng(2).normal(size=n)
    sent = as_arrow({"x": x.tolist(), "y": y.tolist()}, max_chunksize=7001)
    id_ = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))["id"]
    found = fit(client, dataset_id=id_, target="y", cv=3)["cv"]
    assert [fold["mse"] for fold in found["of_folds"]] == pytest.approx(
        squares(3, with_one(x[:, None]), y, np.ones(n)), rel=1e-12
    )


@pytest.mark.parametrize("cv", [1, 0, 101, 2.5, "five", True])
def test_what_is_no_number_of_folds_is_refused(client: httpx.Client, cv: object) -> None:
    problem = refused(client.post("/fit", json={"X": X.tolist(), "y": Y.tolist(), "cv": cv}), 422, "invalid-fields")
    assert pointers(problem) == ["/cv"]


def test_folds_that_cannot_be_are_refused_by_name(client: httpx.Client) -> None:
    few = {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 2.0, 4.0]}
    assert pointers(refused(client.post("/fit", json=few | {"cv": 4}), 422, "invalid-value")) == ["/cv"]
    for options in (
        {"cv": "leave_one_out", "l2": 0.5},
        {"cv": "leave_one_out", "method": "gradient_descent"},
        {"cv": 2, "missing": "mean"},
        {"cv": 2, "method": "gradient_descent", "batch_size": 1},
    ):
        assert pointers(refused(client.post("/fit", json=few | options), 422, "not-supported")) == ["/cv"]
    summed = ok(client.get(f"/datasets/{dataset(client, COLUMNS)}/moments"), 200)
    of_sums = ok(client.post("/datasets", json={"moments": summed}))["id"]
    refused(client.post("/fit", json={"dataset_id": of_sums, "target": "y", "cv": 2}), 409, "no-rows")
