"""The article's own example, and real data sets, from rows to predictions over HTTP."""

import json
import math
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import FORMS, as_csv, fit, ok
from tests.api.sse import EVENT_STREAM, epochs, events

NIST: dict[str, Any] = json.loads((Path(__file__).parents[1] / "solver" / "nist_strd.json").read_text())
LONGLEY = NIST["longley"]
load_diabetes = import_module("sklearn.datasets").load_diabetes  # which has no types
LinearRegression = import_module("sklearn.linear_model").LinearRegression


@pytest.fixture(scope="module")
def line_id(client: httpx.Client) -> str:
    """50 points of a line of slope pi through the origin, with noise of 0.5."""
    line = {"n_samples": 50, "slope": math.pi, "intercept": 0.0, "noise_std": 0.5, "random_state": 0}
    id_: str = ok(client.post("/datasets", json={"sample": line}))["id"]
    return id_


def test_the_normal_equation_finds_the_line_of_50_points(client: httpx.Client, line_id: str) -> None:
    """The least-squares line: that of numpy to its own error, and pi within what 50 noisy points allow."""
    rows = ok(client.get(f"/datasets/{line_id}/rows"), 200)["columns"]

    model = fit(client, dataset_id=line_id, target="y")

    slope, intercept = np.polyfit(rows["x"], rows["y"], 1)
    assert model["coef"] == [pytest.approx(slope, rel=1e-12)]
    assert model["intercept"] == pytest.approx(intercept, abs=1e-12)
    x = model["inference"][1]
    assert x["ci_lower"] < math.pi < x["ci_upper"]


def test_descent_of_10_000_epochs_comes_to_the_line(client: httpx.Client, line_id: str) -> None:
    """Rate 0.01, every epoch's loss streamed, never rising, and the line within 0.05 of the normal equation's."""
    normal = fit(client, dataset_id=line_id, target="y")
    spec = {"dataset_id": line_id, "target": "y", "method": "gradient_descent", "learning_rate": 0.01, "epochs": 10_000}

    answer = client.post("/fit", json=spec, headers={"Accept": EVENT_STREAM})

    found = list(events(answer.text.split("\n")))
    assert epochs(found) == list(range(10_001))
    losses = [event.data["loss"] for event in found if event.name == "epoch"]
    assert losses == sorted(losses, reverse=True)
    model = found[-1].data
    assert model["coef"] == [pytest.approx(normal["coef"][0], abs=0.05)]
    assert model["intercept"] == pytest.approx(normal["intercept"], abs=0.05)
    assert found[-2].data["coef"] == model["coef"]


def test_descent_is_the_row_loop_of_the_article(client: httpx.Client, line_id: str) -> None:
    """Epoch for epoch what the loop over the rows gives, to the loop's own error."""
    rows = ok(client.get(f"/datasets/{line_id}/rows"), 200)["columns"]
    X, y = np.column_stack([np.ones(50), rows["x"]]), np.array(rows["y"])
    spec = {"dataset_id": line_id, "target": "y", "method": "gradient_descent", "learning_rate": 0.01, "epochs": 300}

    answer = client.post("/fit", json=spec, headers={"Accept": EVENT_STREAM})

    theta = np.zeros(2)
    for event in events(answer.text.split("\n")):
        if event.name == "epoch":
            residuals = y - X @ theta
            assert [event.data["intercept"], *event.data["coef"]] == pytest.approx(theta.tolist(), rel=1e-12)
            assert event.data["loss"] == pytest.approx(float((residuals**2).mean()), rel=1e-12)
            theta = theta + 0.01 * X.T @ residuals / 50


def test_the_line_predicts(client: httpx.Client, line_id: str) -> None:
    """One row by GET, several by POST: on the line."""
    model = fit(client, dataset_id=line_id, target="y")
    intercept, (slope,) = model["intercept"], model["coef"]

    one = ok(client.get("/predict", params={"model_id": model["id"], "x": 1.5}), 200)["predictions"]
    two = ok(client.post("/predict", json={"model_id": model["id"], "X": [[0.0], [1.5]]}), 200)["predictions"]

    assert one == [pytest.approx(intercept + slope * 1.5, rel=1e-15)]
    assert two == [intercept, *one]


def right_digits(got: float, certified: str) -> float:
    """How many digits agree with a certified value."""
    error = abs(Decimal(got) - Decimal(certified)) / abs(Decimal(certified))
    return float(-error.log10()) if error else 20.0


@pytest.mark.parametrize("form", FORMS)
def test_longley_is_right_to_every_certified_digit(client: httpx.Client, form: str) -> None:
    """NIST's certified values, in decimals: coefficients, standard errors, R² and sigma to 15 digits, from any form."""
    X = [[float(cell) for cell in row] for row in LONGLEY["x"]]
    columns = {f"x{j + 1}": [row[j] for row in X] for j in range(6)} | {"employed": [float(y) for y in LONGLEY["y"]]}
    if form == "json":
        made = client.post("/datasets", json={"columns": columns, "numbers": "decimal"})
    else:
        made = client.post("/datasets", params={"numbers": "decimal"}, **FORMS[form](columns))

    model = fit(client, dataset_id=ok(made)["id"], target="employed")

    got = [model["intercept"], *model["coef"], *(row["std_error"] for row in model["inference"])]
    got += [model["metrics"]["r2"], model["metrics"]["sigma"]]
    certified = [*LONGLEY["coef"], *LONGLEY["se"], LONGLEY["r2"], LONGLEY["rsd"]]
    assert min(right_digits(*pair) for pair in zip(got, certified, strict=True)) >= 15
    assert [row["estimate"] for row in model["inference"]] == [model["intercept"], *model["coef"]]


def test_diabetes_agrees_with_scikit_learn(client: httpx.Client) -> None:
    """442 patients, ten features: coefficients, R² and predictions as LinearRegression gives them, to its own error."""
    bunch = load_diabetes()
    X, y, names = np.asarray(bunch.data), np.asarray(bunch.target), list(bunch.feature_names)
    reference = LinearRegression().fit(X, y)
    rows = {name: X[:, j].tolist() for j, name in enumerate(names)} | {"progression": y.tolist()}

    id_ = ok(client.post("/datasets", params={"name": "diabetes"}, **as_csv(rows)))["id"]
    model = fit(client, dataset_id=id_, target="progression")
    sent = as_csv({name: rows[name] for name in reversed(names)})
    predicted = ok(client.post("/predict", params={"model_id": model["id"]}, **sent), 200)["predictions"]

    assert model["feature_names"] == names
    assert model["coef"] == pytest.approx(reference.coef_.tolist(), rel=1e-9)
    assert model["intercept"] == pytest.approx(float(reference.intercept_), rel=1e-12)
    assert model["metrics"]["r2"] == pytest.approx(float(reference.score(X, y)), rel=1e-12)
    assert predicted == pytest.approx(reference.predict(X).tolist(), rel=1e-10)


def test_diabetes_by_descent_and_by_mini_batches(client: httpx.Client) -> None:
    """Descent with the rate that it chooses comes to the same fit; mini-batches come near it."""
    bunch = load_diabetes()
    columns = {
        "bmi": np.asarray(bunch.data)[:, 2] * 20,
        "bp": np.asarray(bunch.data)[:, 3] * 20,
        "y": np.asarray(bunch.target),
    }
    id_ = ok(client.post("/datasets", **as_csv({name: values.tolist() for name, values in columns.items()})))["id"]
    normal = fit(client, dataset_id=id_, target="y")

    batch = fit(client, dataset_id=id_, target="y", method="gradient_descent")
    options: dict[str, Any] = {"batch_size": 40, "learning_rate": 0.01, "epochs": 200, "random_state": 0}
    by_40 = fit(client, dataset_id=id_, target="y", method="gradient_descent", **options)

    assert batch["coef"] == pytest.approx(normal["coef"], rel=1e-12)
    assert batch["inference"]
    assert by_40["coef"] == pytest.approx(normal["coef"], rel=0.1)
    assert by_40["metrics"]["mse"] == pytest.approx(normal["metrics"]["mse"], rel=0.01)
