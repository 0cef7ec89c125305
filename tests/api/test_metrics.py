"""What a fit is worth as a whole, beside what statsmodels says of the same rows."""

import math
from typing import Any

import httpx
import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from tests.api import nist
from tests.api.made import LINE, dataset, fit, ok

Floats = NDArray[np.float64]

RANDOM = np.random.default_rng(11)
N = 80
X = RANDOM.normal(size=(N, 3)) * [1.0, 20.0, 0.1] + [5.0, 100.0, 0.0]
Y = 3.0 + X @ [1.0, -0.2, 4.0] + RANDOM.normal(size=N)
WEIGHTS = RANDOM.uniform(0.2, 3.0, size=N)
COUNTS = RANDOM.integers(1, 5, size=N)
COLUMNS = {
    "a": X[:, 0].tolist(), "b": X[:, 1].tolist(), "c": X[:, 2].tolist(), "y": Y.tolist(), "w": WEIGHTS.tolist(),
    "n": COUNTS.astype(float).tolist(), "site": [f"s{i % 3}" for i in range(N)],
}  # fmt: skip
SITES = np.column_stack([(np.arange(N) % 3 == i).astype(float) for i in (1, 2)])
POWERS = np.column_stack([X[:, 0], X[:, 0] ** 2])

DESIGNS: dict[str, tuple[dict[str, Any], Floats, Floats | None]] = {
    "three features": ({"features": ["a", "b", "c"]}, X, None),
    "one feature": ({"features": ["b"]}, X[:, 1:2], None),
    "a parabola": ({"features": ["a"], "degree": 2}, POWERS, None),
    "categories": ({"features": ["site", "b"], "categorical": "one_hot"}, np.column_stack([SITES, X[:, 1]]), None),
    "weights": ({"features": ["a", "b", "c"], "weights": "w"}, X, WEIGHTS),
}


def theirs(design: Floats, weights: Floats | None, fit_intercept: bool) -> Any:
    exog = sm.add_constant(design) if fit_intercept else design
    return sm.OLS(Y, exog).fit() if weights is None else sm.WLS(Y, exog, weights=weights).fit()


def expected(result: Any, weights: Floats | None) -> dict[str, float]:
    return {
        "n_samples": result.nobs, "rank": result.model.rank, "df_model": result.df_model, "df_resid": result.df_resid,
        "r2": result.rsquared, "r2_adj": result.rsquared_adj, "f_statistic": result.fvalue, "f_p_value": result.f_pvalue,
        "log_likelihood": result.llf, "aic": result.aic, "bic": result.bic, "sigma": math.sqrt(result.scale),
        "mse": result.ssr / (N if weights is None else weights.sum()),
        "mae": np.average(np.abs(result.resid), weights=weights), "n_dropped": 0,
    }  # fmt: skip


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("options", "design", "weights"), DESIGNS.values(), ids=DESIGNS)
def test_figures_are_those_of_statsmodels(
    client: httpx.Client, options: dict[str, Any], design: Floats, weights: Floats | None, fit_intercept: bool
) -> None:
    if "categorical" in options and not fit_intercept:
        design = np.column_stack([np.arange(N) % 3 == 0, design])
    model = fit(client, dataset_id=dataset(client, COLUMNS), target="y", fit_intercept=fit_intercept, level=0.9, **options)
    metrics, result = model["metrics"], theirs(design, weights, fit_intercept)

    wanted = expected(result, weights)
    if "categorical" in options and not fit_intercept:  # statsmodels sees that the indicators make a constant
        metrics, wanted = dict(metrics), {name: value for name, value in wanted.items() if name not in OF_THE_CONSTANT}
    assert {name: metrics[name] for name in wanted} == pytest.approx(wanted, rel=1e-9)
    assert metrics["rmse"] == pytest.approx(math.sqrt(wanted["mse"]), rel=1e-9)
    rows = model["inference"]
    assert [row["std_error"] for row in rows] == pytest.approx(result.bse, rel=1e-9)
    assert [row["t_value"] for row in rows] == pytest.approx(result.tvalues, rel=1e-9)
    assert [row["p_value"] for row in rows] == pytest.approx(result.pvalues, rel=1e-9)
    assert [[row["ci_lower"], row["ci_upper"]] for row in rows] == [
        pytest.approx(ends, rel=1e-9) for ends in result.conf_int(0.1)
    ]
    assert model["reasons"] == {}


OF_THE_CONSTANT = {"r2", "r2_adj", "f_statistic", "f_p_value", "df_model"}


def test_rows_that_were_seen_several_times_are_so_many_rows(client: httpx.Client) -> None:
    options = {"features": ["a", "b"], "weights": "n", "weight_type": "frequency"}
    metrics = fit(client, dataset_id=dataset(client, COLUMNS), target="y", **options)["metrics"]
    repeated = np.repeat(np.arange(N), COUNTS)
    result = sm.OLS(Y[repeated], sm.add_constant(X[repeated][:, :2])).fit()
    wanted = expected(result, None) | {"mse": result.ssr / len(repeated)}
    assert {name: metrics[name] for name in wanted} == pytest.approx(wanted, rel=1e-9)


def test_the_likelihood_of_a_nearly_exact_fit_is_right_to_its_last_digits(client: httpx.Client) -> None:
    """Of longley's and the like nothing is lost; here statsmodels keeps two digits of what is left."""
    x = [1e6 + i for i in range(10)]
    y = [value + (1e-9 if i % 2 else -1e-9) for i, value in enumerate(x)]
    found = fit(client, X=[[value] for value in x], y=y, numbers="float64")["metrics"]
    assert found["log_likelihood"] == pytest.approx(-5 * (math.log(2 * math.pi * found["mse"]) + 1), rel=1e-14)
    assert found["aic"] == pytest.approx(4 - 2 * found["log_likelihood"], rel=1e-14)


EXACT = {"f_statistic", "f_p_value", "log_likelihood", "aic", "bic"}
FULL = {"sigma", "r2_adj", "f_statistic", "f_p_value", "log_likelihood", "aic", "bic"}
NULLS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "an exact line": ({"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.0]}, EXACT),
    "as many coefficients as rows": ({"X": [[0.0], [1.0]], "y": [1.0, 3.5]}, FULL),
    "a constant target": ({"X": [[0.0], [1.0], [3.0]], "y": [2.0, 2.0, 2.0]}, EXACT | {"r2", "r2_adj"}),
    "penalised": ({"X": [[0.0], [1.0], [2.0], [4.0]], "y": [1.0, 3.0, 5.0, 2.0], "l2": 0.1}, FULL),
    "stopped short": (
        {"X": [[0.0], [1.0], [2.0], [4.0]], "y": [1.0, 3.0, 5.0, 2.0], "method": "gradient_descent", "epochs": 2}, FULL),
}  # fmt: skip


@pytest.mark.parametrize(("body", "lacking"), NULLS.values(), ids=NULLS)
def test_a_figure_that_does_not_exist_is_null_with_a_reason(
    client: httpx.Client, body: dict[str, Any], lacking: set[str]
) -> None:
    model = fit(client, **body)
    metrics, reasons = model["metrics"], model["reasons"]
    assert {name for name, value in metrics.items() if value is None} == lacking
    assert lacking <= reasons.keys()


BENT: dict[str, Any] = {
    "X": [[0.0, 1.0], [1.0, 1.0], [2.0, 4.0], [4.0, 3.0], [5.0, 9.0], [7.0, 2.0]],
    "y": [1.0, 3.0, 5.0, 2.0, 6.0, 7.5],
}
BODIES: dict[str, dict[str, Any]] = {
    "plain": BENT, "exact": BENT | {"y": [3 + 2 * a - b for a, b in BENT["X"]]}, "constant": BENT | {"y": [0.1] * 6},
    "zeros": BENT | {"y": [0.0] * 6}, "as many as rows": {"X": BENT["X"][:3], "y": BENT["y"][:3]},
    "a column twice": BENT | {"X": [[a, a] for a, _ in BENT["X"]], "rank_deficient": "drop"},
    "constant columns": BENT | {"X": [[1.0, 2.0]] * 6, "rank_deficient": "minimum_norm"},
    "huge": BENT | {"y": [1e149 * value for value in BENT["y"]]},
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {}, "no intercept": {"fit_intercept": False}, "penalised": {"l2": 0.5, "rank_deficient": "error"},
    "weights": {"weights": [1.0, 2.0, 0.5, 3.0, 1.0, 1.0]}, "frequencies": {"weights": [1.0, 2.0, 1.0, 3.0, 1.0, 1.0],
    "weight_type": "frequency"}, "robust": {"cov_type": "HC3"},
    "a short descent": {"method": "gradient_descent", "epochs": 3, "rank_deficient": "error"},
    "a descent that diverges": {
        "method": "gradient_descent", "epochs": 5, "learning_rate": 1.0, "on_divergence": "run", "rank_deficient": "error"},
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_no_figure_is_null_without_a_reason(client: httpx.Client, body: dict[str, Any], options: dict[str, Any]) -> None:
    """Whatever is fitted and however: null and a reason go together, and what is there has none."""
    spec = body | options
    if "weights" in spec:
        spec = spec | {"weights": spec["weights"][: len(spec["y"])]}
    answer = client.post("/fit", json=spec, headers={"Prefer": "wait=30"})
    if answer.status_code == 422 and answer.json()["type"] in ("/problems/rank-deficient", "/problems/overflowed"):
        return
    model = ok(answer)
    nulls = {name for name, value in model["metrics"].items() if value is None}
    assert nulls <= model["reasons"].keys()
    assert not (model["metrics"].keys() - nulls) & model["reasons"].keys()
    for row in model["inference"]:
        assert (row["reason"] is None) == (None not in [value for name, value in row.items() if name != "reason"])


@pytest.mark.parametrize("level", [0, 1, -0.5, 1.5, "0.9", True, None])
def test_a_level_lies_between_0_and_1(client: httpx.Client, level: object) -> None:
    answer = client.post("/fit", json=BENT | {"level": level})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/level"]


def test_a_descent_that_has_arrived_is_worth_what_the_fit_is(client: httpx.Client) -> None:
    rows = {"X": [[x] for x in LINE["x"]], "y": LINE["price"]}
    there = fit(client, **rows, method="gradient_descent", epochs=100_000, level=0.8)
    exactly = fit(client, **rows, level=0.8)
    for name in ("r2_adj", "f_statistic", "f_p_value", "log_likelihood", "aic", "bic", "df_model", "rank"):
        assert there["metrics"][name] == exactly["metrics"][name]
    assert there["inference"][1]["ci_lower"] == pytest.approx(exactly["inference"][1]["ci_lower"], rel=1e-11)


def test_no_columns_that_are_dropped_count(client: httpx.Client) -> None:
    rows = [[float(i), 2.0 * i, float(i * i)] for i in range(8)]
    y = [0.1, 1.3, 3.9, 9.2, 16.3, 24.6, 36.2, 48.9]
    dropped = fit(client, X=rows, y=y, rank_deficient="drop")["metrics"]
    plain = fit(client, X=[[row[0], row[2]] for row in rows], y=y)["metrics"]
    assert dropped == plain
    shortest = fit(client, X=rows, y=y, rank_deficient="minimum_norm")["metrics"]
    assert shortest == plain


CERTIFIED = {
    "norris": "5436385.54079785", "pontius": "185330865.995752", "filip": "2162.43954511489", "longley": "330.285339234588",
}  # fmt: skip


@pytest.mark.parametrize(("name", "f_statistic"), CERTIFIED.items())
def test_the_certified_f_statistics_are_met(client: httpx.Client, name: str, f_statistic: str) -> None:
    """NIST StRD: what their analyses of variance print, to all digits that are printed."""
    columns = {column: [float(text) for text in texts] for column, texts in nist.columns(name).items()}
    model = fit(client, dataset_id=dataset(client, columns, numbers="decimal"), **nist.options(name))
    assert f"{model['metrics']['f_statistic']:.15g}" == f_statistic
