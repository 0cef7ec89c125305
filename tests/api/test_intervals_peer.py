"""Intervals of predictions beside statsmodels' get_prediction, to nine digits: means and new observations, over a grid."""

from typing import Any

import httpx
import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from tests.api.made import dataset, fit, ok

Floats = NDArray[np.float64]
RNG = np.random.default_rng(17)
N = 45
A, B = RNG.normal(3, 2, size=(2, N)).round(3)
Y = (4 - A + 0.5 * B + RNG.normal(size=N) * (0.3 + np.abs(A))).round(3)
W = RNG.integers(1, 6, size=N) / 2
COUNTS = RNG.integers(1, 4, size=N)
TOWN = RNG.integers(0, 8, size=N)
ROWS: dict[str, Any] = {
    "a": A.tolist(), "b": B.tolist(), "y": Y.tolist(), "w": W.tolist(), "n": COUNTS.astype(float).tolist(),
    "town": [f"town {i}" for i in TOWN],
}  # fmt: skip
GRID = np.array([[a, b] for a in np.linspace(-6, 12, 9) for b in np.linspace(-5, 11, 7)])
ROBUST = ["HC0", "HC1", "HC2", "HC3"]


def design(rows: Floats) -> Floats:
    return np.column_stack([np.ones(len(rows)), rows])


def held_to(client: httpx.Client, model_id: str, results: Any, level: float) -> None:
    """Both intervals at every row of the grid. Their ends cancel: what is right to nine digits is the half width."""
    frame = results.get_prediction(design(GRID)).summary_frame(alpha=1 - level)
    for kind, name in {"confidence": "mean_ci", "prediction": "obs_ci"}.items():
        asked = {"model_id": model_id, "X": GRID.tolist(), "interval": kind, "level": level}
        answer = ok(client.post("/predict", json=asked), 200)
        predictions, lower, upper = (np.array(answer[one]) for one in ("predictions", "lower", "upper"))
        assert predictions == pytest.approx(frame["mean"].to_numpy(), rel=1e-9)
        assert upper - predictions == pytest.approx((frame[f"{name}_upper"] - frame["mean"]).to_numpy(), rel=1e-9)
        assert predictions - lower == pytest.approx((frame["mean"] - frame[f"{name}_lower"]).to_numpy(), rel=1e-9)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("weights", [None, "w", "n"])
def test_intervals_are_those_of_statsmodels(client: httpx.Client, weights: str | None, level: float) -> None:
    """OLS, and WLS: a new observation has weight 1; rows that were seen n times are n rows."""
    spec: dict[str, Any] = {"dataset_id": dataset(client, ROWS), "target": "y", "features": ["a", "b"], "weights": weights}
    X = design(np.column_stack([A, B]))
    if weights == "n":
        spec["weight_type"] = "frequency"
        results = sm.OLS(np.repeat(Y, COUNTS), np.repeat(X, COUNTS, axis=0)).fit()
    else:
        results = sm.OLS(Y, X).fit() if weights is None else sm.WLS(Y, X, W).fit()

    held_to(client, fit(client, **spec)["id"], results, level)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("kind", ROBUST)
def test_intervals_from_robust_errors_are_those_of_statsmodels(client: httpx.Client, kind: str, weights: str | None) -> None:
    """The mean's from x' V x, a new observation's from sigma^2 + x' V x, both by t."""
    spec = {"dataset_id": dataset(client, ROWS), "target": "y", "features": ["a", "b"], "weights": weights, "cov_type": kind}
    X = design(np.column_stack([A, B]))
    model = sm.OLS(Y, X) if weights is None else sm.WLS(Y, X, W)

    held_to(client, fit(client, **spec)["id"], model.fit(cov_type=kind, use_t=True), 0.9)


def test_intervals_from_clusters_have_a_degree_of_freedom_less_than_there_are(client: httpx.Client) -> None:
    """The mean's from x' V x, V being the covariance of clusters, by t with G - 1."""
    spec = {
        "dataset_id": dataset(client, ROWS),
        "target": "y",
        "features": ["a", "b"],
        "cov_type": "cluster",
        "cluster": "town",
    }
    X = design(np.column_stack([A, B]))
    results = sm.OLS(Y, X).fit(cov_type="cluster", cov_kwds={"groups": TOWN}, use_t=True)
    assert results.df_resid_inference == len(set(TOWN)) - 1

    frame = results.t_test(design(GRID)).summary_frame(alpha=0.1)
    asked = {"model_id": fit(client, **spec)["id"], "X": GRID.tolist(), "interval": "confidence", "level": 0.9}
    answer = ok(client.post("/predict", json=asked), 200)

    half = np.array(answer["upper"]) - np.array(answer["predictions"])
    assert half == pytest.approx((frame["Conf. Int. Upp."] - frame["coef"]).to_numpy(), rel=1e-9)


def test_robust_errors_of_a_model_over_requests_leave_leverages_as_they_are(client: httpx.Client) -> None:
    """Leverage is of X and the weights alone; only the interval is another."""
    spec = {"dataset_id": dataset(client, ROWS), "target": "y", "features": ["a", "b"]}
    plain, robust = (
        ok(client.post("/predict", json={"model_id": one["id"], "X": GRID.tolist(), "interval": "confidence"}), 200)
        for one in (fit(client, **spec), fit(client, **spec, cov_type="HC3"))
    )

    assert robust["leverage"] == plain["leverage"]
    assert robust["predictions"] == plain["predictions"]
    assert robust["upper"] != plain["upper"]
