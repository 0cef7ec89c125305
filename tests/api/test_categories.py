"""Text and booleans as one-hot columns: named, with a baseline that is named too, and exact."""

from typing import Any

import httpx
import pytest

from tests.api.exact import exact_fit, off_by, read, said
from tests.api.expanded import Cell, expanded
from tests.api.made import FORMS, Columns, dataset, fit, ok, refused
from tests.api.test_terms import ROWS

CITIES = ["Ulm", "Aachen", "Münster", "Bonn"]
N = len(ROWS["y"])
TABLE: Columns = {
    "city": [CITIES[i * 3 % 7 % 4] for i in range(N)], "a": ROWS["a"], "sunny": [i % 3 == 0 for i in range(N)], "y": ROWS["y"],
}  # fmt: skip
FEATURES = ["city", "a", "sunny"]
LEVELS = {"city": sorted(CITIES), "sunny": ["false", "true"]}
OPTIONS = [{}, {"degree": 2}, {"interactions": True}, {"degree": 2, "interactions": True}]


def fitted(client: httpx.Client, form: str = "json", **options: Any) -> dict[str, Any]:
    id_ = ok(client.post("/datasets", **FORMS[form](TABLE)))["id"]
    return fit(client, dataset_id=id_, target="y", categorical="one_hot", **options)


def raw(rows: slice = slice(None)) -> dict[str, list[Cell]]:
    return {name: list(TABLE[name][rows]) for name in FEATURES}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_indicators_are_exact_columns_of_the_fit(client: httpx.Client, options: dict[str, Any], form: str) -> None:
    """One for each category but the first, `city=Bonn`; with products between columns, never within one."""
    model = fitted(client, form, **options)

    y = [read(value, "float64") for value in ROWS["y"]]
    assert said(model) == exact_fit(expanded(TABLE, FEATURES, **options), y).figures()
    assert model["feature_names"] == FEATURES
    assert model["categories"] == {
        "city": {"type": "text", "baseline": "Aachen", "levels": sorted(CITIES)},
        "sunny": {"type": "boolean", "baseline": "false", "levels": ["false", "true"]},
    }  # fmt: skip


def test_the_difference_to_the_baseline_is_the_coefficient(client: httpx.Client) -> None:
    """Of one categorical column alone: the mean of a category is that of the baseline plus its coefficient."""
    model = fitted(client, features=["sunny"])

    means = [
        sum(values) / len(values)
        for values in ([y for i, y in enumerate(ROWS["y"]) if (i % 3 == 0) is is_sunny] for is_sunny in (False, True))
    ]
    assert model["terms"] == ["sunny=true"]
    assert model["intercept"] == pytest.approx(means[0], rel=1e-14)
    assert model["coef"] == [pytest.approx(means[1] - means[0], rel=1e-13)]


@pytest.mark.parametrize("options", [{}, {"degree": 2}], ids=str)
def test_without_an_intercept_the_first_keeps_all_its_categories(client: httpx.Client, options: dict[str, Any]) -> None:
    """As in R: its indicators add up to the column of ones; the others have a baseline."""
    model = fitted(client, fit_intercept=False, **options)

    y = [read(value, "float64") for value in ROWS["y"]]
    terms = expanded(TABLE, FEATURES, fit_intercept=False, **options)
    assert said(model) == exact_fit(terms, y, fit_intercept=False).figures()
    assert model["terms"][:4] == [f"city={city}" for city in sorted(CITIES)]
    assert (model["categories"]["city"]["baseline"], model["categories"]["sunny"]["baseline"]) == (None, "false")


def test_text_is_no_feature_unless_asked(client: httpx.Client) -> None:
    """By default the numeric columns alone explain; a text column that is named is refused by its name."""
    id_ = dataset(client, TABLE)

    assert fit(client, dataset_id=id_, target="y")["feature_names"] == ["a"]
    problem = refused(
        client.post("/fit", json={"dataset_id": id_, "target": "y", "features": ["a", "city"]}), 422, "not-numeric"
    )
    assert (problem["column"], problem["errors"][0]["pointer"]) == ("city", "/features/1")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_predictions_are_made_from_text_and_booleans(client: httpx.Client, options: dict[str, Any], form: str) -> None:
    """The columns as they were sent, in any order; to 13 digits, leverage included."""
    model_id = fitted(client, **options)["id"]
    asked = {"model_id": model_id, "columns": dict(reversed(raw().items()))}

    if form == "json":
        answer = ok(client.post("/predict", json=asked | {"leverage": True}), 200)
    else:
        sent = FORMS[form](dict(reversed(raw().items())))  # type: ignore[arg-type]  # no cell is missing
        answer = ok(client.post("/predict", params={"model_id": model_id, "leverage": True}, **sent), 200)

    terms = expanded(TABLE, FEATURES, **options)
    exact = exact_fit(terms, [read(value, "float64") for value in ROWS["y"]])
    for i, row in enumerate(zip(*terms.values(), strict=True)):
        assert off_by(answer["predictions"][i], exact.prediction(row)) <= 1e-13
        assert off_by(answer["leverage"][i], exact.leverage(row)) <= 1e-13


def test_a_row_in_the_query_has_its_categories_as_text(client: httpx.Client) -> None:
    """One row by GET: the same prediction."""
    model_id = fitted(client)["id"]
    posted = ok(client.post("/predict", json={"model_id": model_id, "columns": raw(slice(0, 1))}), 200)["predictions"]

    row = {"city": str(TABLE["city"][0]), "sunny": str(TABLE["sunny"][0]).lower(), "a": str(ROWS["a"][0])}
    assert ok(client.get("/predict", params={"model_id": model_id, **row}), 200)["predictions"] == posted


@pytest.mark.parametrize("form", FORMS)
def test_a_category_that_the_fit_had_not_seen_is_an_error_that_names_it(client: httpx.Client, form: str) -> None:
    """Row, column, value and what would be known; asked to, it is taken for the baseline."""
    model_id = fitted(client)["id"]
    rows = {name: [*values, values[0]] for name, values in raw(slice(0, 2)).items()}
    rows["city"][1] = "Paris"
    known = {**rows, "city": [rows["city"][0], "Aachen", rows["city"][2]]}

    def predicted(columns: dict[str, list[Any]], **options: Any) -> httpx.Response:
        if form == "json":
            return client.post("/predict", json={"model_id": model_id, "columns": columns, **options})
        return client.post("/predict", params={"model_id": model_id, **options}, **FORMS[form](columns))

    problem = refused(predicted(rows), 422, "unseen-category")
    assert (problem["row"], problem["column"], problem["value"]) == (1, "city", "Paris")
    if form == "json":
        assert problem["errors"][0]["pointer"] == "/columns/city/1"
    expected = ok(predicted(known), 200)["predictions"]
    assert ok(predicted(rows, on_unseen="baseline"), 200)["predictions"] == expected


def test_a_missing_category_is_an_error_or_its_row_is_left_out(client: httpx.Client) -> None:
    """There is no mean of text: "mean" refuses it by row and column, "drop" leaves out the row."""
    columns = {**TABLE, "city": [None if i == 4 else city for i, city in enumerate(TABLE["city"])]}
    id_ = ok(client.post("/datasets", json={"columns": columns}))["id"]
    asked = {"dataset_id": id_, "target": "y", "categorical": "one_hot"}

    problem = refused(
        client.post("/fit", json=asked | {"missing": "mean"}, headers={"Prefer": "wait=30"}), 422, "missing-value"
    )

    assert (problem["row"], problem["column"]) == (4, "city")
    model = fit(client, **asked, missing="drop")
    kept = {name: [*values[:4], *values[5:]] for name, values in raw().items()}
    y = [read(value, "float64") for i, value in enumerate(ROWS["y"]) if i != 4]
    assert said(model) == exact_fit(expanded(kept, FEATURES), y).figures()
    assert model["n_dropped"] == 1
    missing = {**raw(slice(0, 1)), "city": [None]}
    problem = refused(client.post("/predict", json={"model_id": model["id"], "columns": missing}), 422, "missing-value")
    assert (problem["row"], problem["column"]) == (0, "city")


def test_a_category_of_a_row_that_is_left_out_is_none(client: httpx.Client) -> None:
    """Seen in no row of the fit, it has no coefficient, and predictions do not know it."""
    columns = {
        "city": ["Ulm", "Bonn", "Ulm", "Bonn", "Paris"],
        "a": [1.0, 2.0, 3.5, 4.0, None],
        "y": [1.0, 2.0, 4.0, 8.0, 9.0],
    }
    id_ = ok(client.post("/datasets", json={"columns": columns}))["id"]

    model = fit(client, dataset_id=id_, target="y", categorical="one_hot", missing="drop")

    assert model["categories"]["city"]["levels"] == ["Bonn", "Ulm"]


def test_a_column_with_one_category_tells_nothing(client: httpx.Client) -> None:
    """All rows are the baseline: it has no indicator."""
    id_ = dataset(client, {"city": ["Ulm"] * 4, "x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 3.0, 4.0]})

    model = fit(client, dataset_id=id_, target="y", categorical="one_hot")

    assert model["terms"] == ["x"]
    assert model["categories"]["city"] == {"type": "text", "baseline": "Ulm", "levels": ["Ulm"]}
