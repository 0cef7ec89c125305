"""Wide data: a thousand columns by default, fitted exactly, while the service answers everybody else."""

import threading

import httpx
import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from tests.api.exact import dot, nearest, nearest_root
from tests.api.made import as_arrow, fit, ok, pointers, refused

N_COLUMNS = 300
N_ROWS = 330


@pytest.fixture(scope="module")
def block() -> np.ndarray:
    """Whole numbers, the target last: (N_ROWS, N_COLUMNS + 1)."""
    return np.random.default_rng(300).integers(-99, 100, (N_ROWS, N_COLUMNS + 1)).astype(float)


@pytest.fixture(scope="module")
def wide_id(client: httpx.Client, block: np.ndarray) -> str:
    columns = {f"x{j}": block[:, j].tolist() for j in range(N_COLUMNS)} | {"y": block[:, -1].tolist()}
    id_: str = ok(client.post("/datasets", **as_arrow(columns)))["id"]
    return id_


def test_three_hundred_columns_are_fitted_exactly(client: httpx.Client, wide_id: str, block: np.ndarray) -> None:
    """End to end, beyond what is summed at upload: each coefficient solves the normal equation to its last bit."""
    model = fit(client, dataset_id=wide_id, target="y")

    assert (model["n_samples"], model["rank"], model["metrics"]["df_resid"]) == (N_ROWS, N_COLUMNS + 1, N_ROWS - N_COLUMNS - 1)
    X = np.column_stack([np.ones(N_ROWS), block[:, :-1]]).astype(int)
    gram, right = X.T @ X, X.T @ block[:, -1].astype(int)
    theta = fmpq_mat(len(gram), len(gram), gram.ravel().tolist()).solve(fmpq_mat(len(gram), 1, right.tolist())).entries()
    assert [model["intercept"], *model["coef"]] == [nearest(value) for value in theta]
    rss = int((block[:, -1] ** 2).sum()) - dot(theta, [fmpq(int(value)) for value in right])
    assert model["metrics"]["sigma"] == nearest_root(rss / model["metrics"]["df_resid"])


def test_predictions_are_answered_while_a_wide_fit_runs(client: httpx.Client, wide_id: str) -> None:
    """The event loop is never held: answers come before the fit that was asked for earlier is done."""
    small = fit(client, X=[[0.0], [1.0], [2.0]], y=[1.0, 3.0, 5.0])["id"]
    answers: list[httpx.Response] = []

    def ask_for_the_fit() -> None:
        spec = {"dataset_id": wide_id, "target": "y", "fit_intercept": False}
        answers.append(client.post("/fit", json=spec, headers={"Prefer": "wait=60"}))

    thread = threading.Thread(target=ask_for_the_fit)
    thread.start()
    n_before = 0
    while thread.is_alive() and n_before < 10_000:
        answer = client.get("/predict", params={"model_id": small, "x": 7})
        n_before += not answers
        assert ok(answer, 200)["predictions"] == [15.0]
    thread.join(60)
    assert ok(answers[0])["n_features"] == N_COLUMNS
    assert n_before >= 5


def test_a_thousand_columns_are_taken_and_one_more_refused(client: httpx.Client) -> None:
    """The limit is that of data sets and of fits: what was taken can be fitted whole."""
    limit = ok(client.get("/limits"), 200)["max_columns"]
    assert limit == 1000
    row = {f"x{j}": [1.0, 2.0] for j in range(limit - 1)}

    made = ok(client.post("/datasets", **as_arrow({**row, "y": [1.0, 2.0]})))
    problem = refused(client.post("/datasets", **as_arrow({**row, "y": [1.0, 2.0], "z": [1.0, 2.0]})), 422, "too-many-columns")

    assert problem["limit"] == limit
    assert client.delete(f"/datasets/{made['id']}").status_code == 204


def test_a_fit_of_too_many_columns_is_refused_by_the_number(client: httpx.Client) -> None:
    """Rows sent along have the same limit, and so have terms."""
    X = [[float(i * j % 7) for j in range(1000)] for i in range(3)]

    problem = refused(client.post("/fit", json={"X": X, "y": [1.0, 2.0, 3.0]}), 422, "over-limit")

    assert (problem["asked"], problem["limit"]) == (1001, 1000)
    problem = refused(
        client.post("/fit", json={"X": [row[:50] for row in X], "y": [1.0, 2.0, 3.0], "interactions": True}), 422, "over-limit"
    )
    assert (problem["asked"], problem["limit"], pointers(problem)) == (50 + 50 * 49 // 2 + 1, 1000, ["/degree"])
