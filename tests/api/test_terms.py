"""Terms made of the columns: powers, products, penalties and ranges of rows, each figure the exact one correctly rounded."""

from typing import Any

import httpx
import numpy as np
import pytest
from flint import fmpq

from tests.api.exact import exact_fit, off_by, read, said
from tests.api.expanded import expanded
from tests.api.made import ARROW, FORMS, dataset, fit, of_arrow, ok, refused

RANDOM = np.random.default_rng(20)
N = 26
FEATURES = ["a", "b", "c"]
ROWS: dict[str, list[float]] = {
    "a": (np.round(RANDOM.normal(20, 5, N), 2)).tolist(),
    "b": (np.round(RANDOM.normal(-3, 1, N), 3)).tolist(),
    "c": (np.round(RANDOM.uniform(0, 1, N), 4)).tolist(),
    "y": (np.round(RANDOM.normal(100, 30, N), 1)).tolist(),
}
TERMS = [
    {"degree": 2}, {"degree": 5}, {"interactions": True}, {"degree": 2, "interactions": True}, {"degree": 3, "interactions": True},
]  # fmt: skip
IDS = {"id", "job_id", "dataset_id", "dataset_version", "meta"}


def target(numbers: str, rows: slice = slice(None)) -> list[fmpq]:
    return [read(value, numbers) for value in ROWS["y"][rows]]


def inline(columns: dict[str, list[float]] = ROWS) -> dict[str, Any]:
    """The rows as they go with a fit."""
    X = [list(row) for row in zip(*(columns[name] for name in FEATURES), strict=True)]
    return {"X": X, "y": columns["y"], "feature_names": FEATURES}


def body(model: dict[str, Any]) -> dict[str, Any]:
    """A model without its ids and times."""
    return {key: value for key, value in model.items() if key not in IDS}


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("options", TERMS, ids=str)
def test_powers_and_products_are_those_of_the_exact_values(
    client: httpx.Client, options: dict[str, Any], fit_intercept: bool, numbers: str
) -> None:
    """No product is rounded to a double on the way, and rows of a data set and rows sent along give one model."""
    of_dataset = fit(
        client, dataset_id=dataset(client, ROWS, numbers=numbers), target="y", fit_intercept=fit_intercept, **options
    )
    sent_along = fit(client, **inline(), numbers=numbers, fit_intercept=fit_intercept, **options)

    terms = expanded(ROWS, FEATURES, numbers, **options)
    assert said(of_dataset) == exact_fit(terms, target(numbers), fit_intercept=fit_intercept).figures()
    assert body(sent_along) == body(of_dataset)


def test_a_product_is_no_column_of_rounded_products(client: httpx.Client) -> None:
    """With x = 1e8 + i / 7 the doubles nearest to its squares are other numbers, and their fit another. Ours is that of the squares."""
    x = [1e8 + i / 7 for i in range(12)]
    y = [float(i % 5) for i in range(12)]

    model = fit(client, X=[[value] for value in x], y=y, degree=2, rank_deficient="allow")

    assert said(model) == exact_fit(expanded({"x": x}, ["x"], degree=2), [read(value, "float64") for value in y]).figures()
    squares = [[value, value * value] for value in x]
    rounded = fit(client, X=squares, y=y, rank_deficient="allow")
    assert off_by(rounded["coef"][1], fmpq(*model["coef"][1].as_integer_ratio())) > 1e-6


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("options", [*TERMS, {"degree": 1}], ids=str)
def test_a_penalised_fit_is_the_exact_minimum(client: httpx.Client, options: dict[str, Any], numbers: str) -> None:
    """Mean of squares + l2 |coef|^2, the intercept free; a decimal l2 of 0.1 is one tenth. There is no sigma, and why is said."""
    model = fit(client, dataset_id=dataset(client, ROWS, numbers=numbers), target="y", l2=0.1, **options)

    terms = expanded(ROWS, FEATURES, numbers, **options)
    assert said(model) == exact_fit(terms, target(numbers), l2=read(0.1, numbers)).figures()
    assert "sigma" in model["reasons"]
    assert body(fit(client, **inline(), numbers=numbers, l2=0.1, **options)) == body(model)


def test_a_penalised_fit_is_not_refused_for_its_rank(client: httpx.Client) -> None:
    """Columns twice over, and fewer rows than columns: with a penalty there is one answer."""
    twice = {"p": ROWS["a"][:2], "q": ROWS["a"][:2], "r": ROWS["b"][:2], "y": ROWS["y"][:2]}

    model = fit(client, dataset_id=dataset(client, twice), target="y", l2=0.5)

    terms = expanded(twice, ["p", "q", "r"])
    expected = exact_fit(terms, target("float64", slice(2)), l2=fmpq(1, 2)).figures()
    assert said(model) | {"df_resid": None} == expected | {"df_resid": None}
    assert model["coef"][0] == model["coef"][1]


@pytest.mark.parametrize("options", [{}, {"degree": 2, "interactions": True}], ids=["columns", "products"])
@pytest.mark.parametrize("rows", [(0, 13), (5, 26), (3, 21), (0, 26)], ids=str)
def test_a_range_of_rows_is_fitted_as_if_there_were_no_others(
    client: httpx.Client, rows: tuple[int, int], options: dict[str, Any]
) -> None:
    """From one row up to but not including another, whatever uploads they came in."""
    id_ = dataset(client, {name: values[:9] for name, values in ROWS.items()})
    for start in (9, 10, 22):
        part = {name: values[start : {9: 10, 10: 22, 22: N}[start]] for name, values in ROWS.items()}
        ok(client.post(f"/datasets/{id_}/rows", json={"columns": part}))

    model = fit(client, dataset_id=id_, target="y", rows=list(rows), **options)

    cut = {name: values[slice(*rows)] for name, values in ROWS.items()}
    expected = exact_fit(expanded(cut, FEATURES, **options), target("float64", slice(*rows)))
    assert said(model) == expected.figures()


@pytest.mark.parametrize(
    ("low", "high", "rows"),
    [(2.0, 9.0, slice(4, 18)), (None, 9.0, slice(0, 18)), (8.9, None, slice(16, 26)), (-5.0, 99.0, slice(0, 26))],
    ids=["both", "to", "from", "all"],
)
def test_rows_between_two_values_of_a_sorted_column_are_fitted(
    client: httpx.Client, low: float | None, high: float | None, rows: slice
) -> None:
    """From a value up to but not including another; rows of equal values stay together."""
    clock = [float(i // 2) if i < 18 else float(i) for i in range(N)]
    id_ = dataset(client, {"t": clock, **ROWS})

    model = fit(client, dataset_id=id_, target="y", features=FEATURES, between={"column": "t", "from": low, "to": high})

    rows = slice(next(i for i in range(N) if low is None or clock[i] >= low), sum(high is None or t < high for t in clock))
    cut = {name: values[rows] for name, values in ROWS.items()}
    assert said(model) == exact_fit(expanded(cut, FEATURES), target("float64", rows)).figures()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("options", TERMS, ids=str)
def test_predictions_are_made_from_the_raw_columns(client: httpx.Client, options: dict[str, Any], numbers: str) -> None:
    """In each form, the terms made anew, to 13 digits of the exact coefficients' prediction; leverage too."""
    model = fit(client, **inline(), numbers=numbers, **options)
    raw = {name: ROWS[name] for name in reversed(FEATURES)}

    posted = ok(client.post("/predict", json={"model_id": model["id"], "columns": raw, "leverage": True}), 200)

    terms = expanded(ROWS, FEATURES, numbers, **options)
    exact = exact_fit(terms, target(numbers))
    for i, row in enumerate(zip(*terms.values(), strict=True)):
        assert off_by(posted["predictions"][i], exact.prediction(row)) <= 1e-13
        assert off_by(posted["leverage"][i], exact.leverage(row)) <= 1e-13
    sent = FORMS["arrow"](raw)
    arrow = client.post(
        "/predict", params={"model_id": model["id"]}, content=sent["content"], headers=sent["headers"] | {"Accept": ARROW}
    )
    assert of_arrow(arrow.content) == {"prediction": posted["predictions"], "extrapolation": posted["extrapolation"]}
    one = ok(
        client.get("/predict", params={"model_id": model["id"], **{name: values[0] for name, values in raw.items()}}), 200
    )
    assert one["predictions"] == posted["predictions"][:1]


def test_terms_too_long_to_multiply_exactly_are_refused_with_the_number(client: httpx.Client) -> None:
    """A degree whose exact products need more digits than a pass may hold: how many slices, and how many are allowed."""
    x = RANDOM.normal(size=300).tolist()
    spec = {"dataset_id": dataset(client, {"x": x, "y": x}), "target": "y", "degree": 45}

    problem = refused(client.post("/fit", json=spec, headers={"Prefer": "wait=30"}), 422, "too-many-slices")

    assert problem["n_slices"] > problem["limit"]
    assert problem["term"] == "x^45"
    assert str(problem["n_slices"]) in problem["detail"]


@pytest.mark.parametrize("options", [{"degree": 2}, {"interactions": True}, {"weights": "w"}], ids=str)
def test_descent_over_terms_and_weights_arrives_at_the_exact_optimum(client: httpx.Client, options: dict[str, Any]) -> None:
    """A billion epochs of the same sums: every coefficient that of the normal equation to 9 digits."""
    scaled = {name: ((np.array(values) - np.mean(values)) / np.std(values)).tolist() for name, values in ROWS.items()}
    id_ = dataset(client, scaled | {"w": [1.0 + i % 3 for i in range(N)]})
    spec = {"dataset_id": id_, "target": "y", "features": FEATURES, **options}
    direct = fit(client, **spec)

    descended = fit(client, **spec, method="gradient_descent", epochs=1_000_000_000)

    assert descended["terms"] == direct["terms"]
    assert descended["coef"] == pytest.approx(direct["coef"], rel=1e-9)
    assert descended["metrics"]["r2"] == pytest.approx(direct["metrics"]["r2"], rel=1e-12)
