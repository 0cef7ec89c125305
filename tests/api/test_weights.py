"""Weighted fits: what a row counts, or how often it was seen; exact in both, and the same however weights are sent."""

from typing import Any

import httpx
import pytest
from flint import fmpq

from tests.api.exact import exact_fit, off_by, read, said
from tests.api.expanded import expanded
from tests.api.made import dataset, fit, ok
from tests.api.test_terms import FEATURES, ROWS, N, body, inline, target

COUNTS = [float(i * 7 % 5) for i in range(N)]  # 0 to 4
SHARES = [0.1 * (i % 4) + 0.25 for i in range(N)]
SHARES[3] = 0.0
OPTIONS = [{}, {"degree": 2}, {"degree": 2, "interactions": True}, {"l2": 0.25}]


def weighted(client: httpx.Client, weights: list[float], numbers: str = "float64", **options: Any) -> dict[str, Any]:
    id_ = dataset(client, {**ROWS, "w": weights}, numbers=numbers)
    return fit(client, dataset_id=id_, target="y", weights="w", **options)


def decimals(weights: list[float]) -> list[float]:
    return [round(value, 2) for value in weights]


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_precision_weights_are_exact(client: httpx.Client, options: dict[str, Any], fit_intercept: bool, numbers: str) -> None:
    """The sum of w r^2 is least; sigma by rows less coefficients, R² about the weighted mean; a row of weight 0 is none."""
    weights = decimals(SHARES)

    model = weighted(client, weights, numbers, fit_intercept=fit_intercept, **options)

    l2 = read(options.get("l2", 0.0), numbers)
    terms = expanded(ROWS, FEATURES, numbers, **{name: value for name, value in options.items() if name != "l2"})
    w = [read(value, numbers) for value in weights]
    exact = exact_fit(terms, target(numbers), weights=w, fit_intercept=fit_intercept, l2=l2)
    assert exact.n_samples == N - 1
    assert said(model) == exact.figures()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_frequency_of_three_is_three_rows(client: httpx.Client, options: dict[str, Any]) -> None:
    """The model is, in every figure, that of the rows sent as often as their weights say."""
    model = weighted(client, COUNTS, weight_type="frequency", **options)

    repeated = {
        name: [value for value, n in zip(values, COUNTS, strict=True) for _ in range(int(n))] for name, values in ROWS.items()
    }
    of_repeated = fit(client, dataset_id=dataset(client, repeated), target="y", **options)
    without = {"options"}
    assert {k: v for k, v in body(model).items() if k not in without} == {
        k: v for k, v in body(of_repeated).items() if k not in without
    }
    assert (model["options"]["weights"], model["options"]["weight_type"]) == ("w", "frequency")


@pytest.mark.parametrize("weight_type", ["precision", "frequency"])
def test_weights_sent_along_as_a_list_or_as_a_column_are_the_same(client: httpx.Client, weight_type: str) -> None:
    """A list beside y, a named column of X, a column of a data set: one model but for what the weights are called."""
    expected = body(weighted(client, COUNTS, weight_type=weight_type, degree=2))
    expected["options"]["weights"] = None

    listed = body(fit(client, **inline(), weights=COUNTS, weight_type=weight_type, degree=2))
    X = [[*row, weight] for row, weight in zip(inline()["X"], COUNTS, strict=True)]
    names = [*FEATURES, "w"]
    named = body(fit(client, X=X, y=ROWS["y"], feature_names=names, weights="w", weight_type=weight_type, degree=2))

    for model in (listed, named):
        model["options"]["weights"] = None
        assert model == expected


def test_weights_of_one_are_no_weights(client: httpx.Client) -> None:
    """The same figures to the bit, by either meaning."""
    plain = said(fit(client, **inline()))

    for weight_type in ("precision", "frequency"):
        assert said(fit(client, **inline(), weights=[1.0] * N, weight_type=weight_type)) == plain


def test_precision_weights_have_no_unit(client: httpx.Client) -> None:
    """A thousand times the weights: the same coefficients, errors and R², and a sigma for residuals of weight 1."""
    one = weighted(client, COUNTS)
    thousand = weighted(client, [1024 * value for value in COUNTS])

    assert (thousand["coef"], thousand["intercept"]) == (one["coef"], one["intercept"])
    assert said(thousand)["std_error"] == said(one)["std_error"]
    assert (thousand["metrics"]["r2"], thousand["metrics"]["mse"]) == (one["metrics"]["r2"], one["metrics"]["mse"])
    assert thousand["metrics"]["sigma"] == 32 * one["metrics"]["sigma"]


def test_predictions_and_leverages_of_a_weighted_fit_are_right(client: httpx.Client) -> None:
    """Leverage is x (X'WX)^-1 x'; both to 13 digits."""
    model = weighted(client, decimals(SHARES), degree=2)

    X = inline()["X"]
    answer = ok(client.post("/predict", json={"model_id": model["id"], "X": X, "leverage": True}), 200)

    terms = expanded(ROWS, FEATURES, degree=2)
    exact = exact_fit(terms, target("float64"), weights=[fmpq(*value.as_integer_ratio()) for value in decimals(SHARES)])
    for i, row in enumerate(zip(*terms.values(), strict=True)):
        assert off_by(answer["predictions"][i], exact.prediction(row)) <= 1e-13
        assert off_by(answer["leverage"][i], exact.leverage(row)) <= 1e-13


def test_a_frequency_of_three_is_three_rows_for_means_too(client: httpx.Client) -> None:
    """What stands for missing cells is the mean over rows as often as they were seen."""
    x, y, n = [1.0, 2.0, 4.0, None, 6.0], [2.0, 3.5, 5.0, 4.0, 8.5], [1, 2, 1, 1, 3]
    repeated = [(a, b) for a, b, times in zip(x, y, n, strict=True) for _ in range(times)]
    options = {"missing": "mean", "numbers": "decimal"}

    weighted = fit(client, X=[[value] for value in x], y=y, weights=n, weight_type="frequency", **options)
    rows = fit(client, X=[[a] for a, _ in repeated], y=[b for _, b in repeated], **options)

    assert weighted["imputed"] == rows["imputed"]
    assert (weighted["coef"], weighted["inference"]) == (rows["coef"], rows["inference"])


@pytest.mark.parametrize("weight_type", ["precision", "frequency"])
def test_a_row_of_weight_0_is_as_if_it_were_not_there(client: httpx.Client, weight_type: str) -> None:
    """Not for means, categories or missing cells either."""
    columns: dict[str, list[Any]] = {
        "x": [1.0, 2.0, 4.0, None, 100.0, None],
        "g": ["a", "b", "a", "b", "z", "a"],
        "y": [2.0, 3.5, 5.0, 4.0, 8.5, 1.0],
    }
    weights = [1.0, 2.0, 1.0, 1.0, 0.0, 0.0]
    options = {
        "target": "y", "weights": "w", "weight_type": weight_type, "missing": "mean", "categorical": "one_hot",
        "features": ["x", "g"],
    }  # fmt: skip
    whole = dataset(client, {**columns, "w": weights})
    without = dataset(client, {**{name: values[:4] for name, values in columns.items()}, "w": weights[:4]})

    got, expected = fit(client, dataset_id=whole, **options), fit(client, dataset_id=without, **options)

    same = ("terms", "coef", "intercept", "metrics", "inference", "imputed", "categories", "n_samples", "n_dropped")
    assert {name: got[name] for name in same} == {name: expected[name] for name in same}
