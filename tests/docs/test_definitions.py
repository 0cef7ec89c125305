"""The page of definitions names every figure there is, and its words on scales are what other packages do."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.linear_model import Ridge

from service.api.fit_request import FitRequest
from tests.api.made import dataset, fit
from tests.docs.markdown import ROOT
from tests.process import Service

PAGE = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
SCHEMAS: dict[str, Any] = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
# What holds figures, and the fields of it that are none.
HOLDERS = {
    "Metrics": set[str](), "InferenceRow": {"term", "reason"}, "Distance": set(), "RowOut": {"row"}, "SummaryOut": {"residual"},
    "Quartiles": set(), "BreuschPaganOut": set(), "JarqueBeraOut": set(), "CrossValidation": {"folds", "of_folds", "reasons"},
    "PredictOut": {"model_id", "reasons"},
}  # fmt: skip
OF_THE_MODEL = {"condition_number", "supported_digits", "rank", "n_dropped", "n_clusters"}
RNG = np.random.default_rng(11)
X, NOISE, TIMES = RNG.normal(size=(30, 2)), RNG.normal(size=30), RNG.integers(1, 4, 30).astype(float)
Y = 1 + X @ [2.0, -1.0] + NOISE
COLUMNS = {"a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "w": TIMES.tolist(), "y": Y.tolist()}
RIGHT = 1e-9


def tables() -> list[list[str]]:
    """The cells of each row of the page's tables; the bars of the text itself are no borders."""
    lines = [line for line in PAGE.splitlines() if line.startswith(("| `", "| figure"))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def named() -> set[str]:
    return {name for cells in tables() for name in re.findall(r"`\"?(\w+)\"?`", cells[0])}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Service(tmp_path_factory.mktemp("definitions") / "data") as running, running.client() as client:
        yield client


@pytest.fixture(scope="module")
def rows(client: httpx.Client) -> str:
    return dataset(client, COLUMNS)


def test_every_figure_of_an_answer_is_defined() -> None:
    """A figure that is added to an answer is defined here, or this fails."""
    figures = {name for schema, others in HOLDERS.items() for name in SCHEMAS[schema]["properties"].keys() - others}

    assert figures | OF_THE_MODEL <= named()


def test_nothing_is_defined_that_is_in_no_answer() -> None:
    """All names in the first column are fields of answers, or options of a fit."""
    fields = {name for schema in SCHEMAS.values() for name in schema.get("properties", {})}
    options = {"HC0", "HC1", "HC2", "HC3", "cluster", "leave_one_out"} | FitRequest.model_fields.keys()

    assert named() - fields - options <= {"interval", "confidence", "prediction", "weight_type", "precision", "frequency"}


def test_each_figure_has_a_cell_for_each_package() -> None:
    """What a package does not have is said to be none of its own: a cell left empty says nothing."""
    assert [cells[0] for cells in tables() if len(cells) != 6 or "" in cells] == []


@pytest.mark.parametrize("weights", [None, "w"])
def test_l2_is_the_alpha_of_ridge_over_the_weights(client: httpx.Client, rows: str, weights: str | None) -> None:
    """A user of scikit-learn divides by n, or by the sum of the weights."""
    made = fit(client, dataset_id=rows, target="y", features=["a", "b"], l2=0.3, weights=weights)

    total = 30 if weights is None else TIMES.sum()
    peer = Ridge(alpha=0.3 * total, tol=1e-12).fit(X, Y, sample_weight=None if weights is None else TIMES)
    assert [made["intercept"], *made["coef"]] == pytest.approx([peer.intercept_, *peer.coef_], rel=RIGHT)


def test_weights_are_those_of_wls_or_of_repeated_rows(client: httpx.Client, rows: str) -> None:
    """Precision weights as WLS has them, frequencies as GLM's freq_weights."""
    asked = {"dataset_id": rows, "target": "y", "features": ["a", "b"], "weights": "w"}
    precise, repeated = fit(client, **asked), fit(client, **asked, weight_type="frequency")

    A = sm.add_constant(X)
    wls, glm = sm.WLS(Y, A, weights=TIMES).fit(), sm.GLM(Y, A, freq_weights=TIMES).fit()
    assert [row["std_error"] for row in precise["inference"]] == pytest.approx(wls.bse.tolist(), rel=RIGHT)
    assert [row["std_error"] for row in repeated["inference"]] == pytest.approx(glm.bse.tolist(), rel=RIGHT)
    assert precise["metrics"]["mse"] == pytest.approx(wls.ssr / TIMES.sum(), rel=RIGHT)
    assert precise["metrics"]["log_likelihood"] == pytest.approx(wls.llf, rel=RIGHT)
    assert repeated["n_samples"] == TIMES.sum()


def test_the_whole_is_counted_as_statsmodels_counts_it(client: httpx.Client, rows: str) -> None:
    """AIC without sigma; without an intercept R² about 0, and n in place of n - 1."""
    for fit_intercept in (True, False):
        made = fit(client, dataset_id=rows, target="y", features=["a", "b"], fit_intercept=fit_intercept)["metrics"]
        peer = sm.OLS(Y, sm.add_constant(X) if fit_intercept else X).fit()
        expected = {
            "df_model": peer.df_model, "df_resid": peer.df_resid, "mse": peer.ssr / peer.nobs, "sigma": peer.scale**0.5,
            "r2": peer.rsquared, "r2_adj": peer.rsquared_adj, "f_statistic": peer.fvalue, "f_p_value": peer.f_pvalue,
            "log_likelihood": peer.llf, "aic": peer.aic, "bic": peer.bic,
        }  # fmt: skip
        assert {name: made[name] for name in expected} == pytest.approx(expected, rel=RIGHT)


def test_a_step_of_a_descent_is_half_the_slope_of_its_loss(client: httpx.Client, rows: str) -> None:
    """One epoch from 0 adds learning_rate X'y / n."""
    asked = {"dataset_id": rows, "target": "y", "features": ["a", "b"], "method": "gradient_descent", "epochs": 1}
    answer = client.post("/fit", json=asked | {"learning_rate": 0.1}, headers={"Prefer": "wait=30"}).json()

    assert answer["coef"] == pytest.approx((0.1 * X.T @ Y / 30).tolist(), rel=RIGHT)
