"""Predictions: many rows or one, by position or by name, in and out in three forms."""

import httpx
import pytest

from tests.api.made import ARROW, CSV, FORMS, JSON, as_arrow, as_csv, fit, of_arrow, ok, pointers, refused

ROWS = {"beds": [1.0, 2.0, 4.0, 7.0], "sqft": [50.0, 70.0, 65.0, 200.0]}
PRICES = [2.0 * beds + 3.0 * sqft + 1.0 for beds, sqft in zip(ROWS["beds"], ROWS["sqft"], strict=True)]


@pytest.fixture
def model_id(client: httpx.Client) -> str:
    """A model: price = 1 + 2 beds + 3 sqft, exactly."""
    X = [list(row) for row in zip(*ROWS.values(), strict=True)]
    id_: str = fit(client, X=X, y=PRICES, feature_names=["beds", "sqft"])["id"]
    return id_


def test_rows_are_predicted_in_the_order_of_the_features(client: httpx.Client, model_id: str) -> None:
    """`X` has the model's features in its order, a row an item."""
    answer = ok(client.post("/predict", json={"model_id": model_id, "X": [[0.0, 0.0], [1.0, 10.0]]}), 200)

    assert (answer["model_id"], answer["predictions"]) == (model_id, [1.0, 33.0])
    assert list(answer) == ["model_id", "predictions", "leverage", "extrapolation", "reasons"]


@pytest.mark.parametrize("form", FORMS)
def test_columns_are_matched_by_name_whatever_their_order(client: httpx.Client, model_id: str, form: str) -> None:
    """Named columns in any form: what stands where does not matter."""
    reversed_ = {"sqft": ROWS["sqft"], "beds": ROWS["beds"]}
    if form == "json":
        answer = client.post("/predict", json={"model_id": model_id, "columns": reversed_})
    else:
        answer = client.post("/predict", params={"model_id": model_id}, **FORMS[form](reversed_))

    assert ok(answer, 200)["predictions"] == PRICES


@pytest.mark.parametrize("sent", ["json", "csv", "arrow"])
@pytest.mark.parametrize("accept", [JSON, CSV, ARROW, f"{CSV};q=0.1, {ARROW}"])
def test_the_answer_has_the_form_that_is_accepted(client: httpx.Client, model_id: str, sent: str, accept: str) -> None:
    """Whatever came in, `Accept` says what goes out, the best liked first; which model it was is always said."""
    body = FORMS[sent](ROWS)
    headers = body["headers"] | {"Accept": accept}
    if sent == "json":
        answer = client.post("/predict", json={"model_id": model_id, "columns": ROWS}, headers={"Accept": accept})
    else:
        answer = client.post("/predict", params={"model_id": model_id}, content=body["content"], headers=headers)

    assert answer.status_code == 200, answer.text
    type_ = answer.headers["content-type"].split(";")[0]
    assert type_ == (ARROW if ARROW in accept else accept)
    if type_ == JSON:
        assert (answer.json()["predictions"], answer.json()["model_id"]) == (PRICES, model_id)
        return
    assert answer.headers["linefit-model-id"] == model_id
    if type_ == ARROW:
        assert of_arrow(answer.content) == {"prediction": PRICES, "extrapolation": [False] * 4}
    else:
        header, *lines = answer.text.split()
        assert (header, [line.split(",")[1] for line in lines]) == ('"prediction","extrapolation"', ["false"] * 4)
        assert [float(line.split(",")[0]) for line in lines] == PRICES


def test_json_is_the_answer_unless_another_form_is_asked_for(client: httpx.Client, model_id: str) -> None:
    """Anything is JSON; nothing that is spoken here is 406, and says what is."""
    for accept in ("*/*", "application/*", "text/html, */*;q=0.1"):
        answer = client.post("/predict", params={"model_id": model_id}, content=as_csv(ROWS)["content"],
                             headers={"Content-Type": CSV, "Accept": accept})  # fmt: skip
        assert answer.headers["content-type"] == JSON
    sent = {"model_id": model_id, "X": [[1.0, 2.0]]}
    problem = refused(client.post("/predict", json=sent, headers={"Accept": "image/png"}), 406, "not-acceptable")
    assert CSV in problem["detail"]


def test_one_row_may_be_a_query(client: httpx.Client, model_id: str) -> None:
    """`GET /predict` takes each feature by its name, in any order."""
    answer = ok(client.get("/predict", params={"sqft": "10", "model_id": model_id, "beds": "1e0"}), 200)

    assert (answer["model_id"], answer["predictions"]) == (model_id, [33.0])


def test_an_alias_stands_for_an_id(client: httpx.Client, model_id: str) -> None:
    """Wherever a model's id stands an alias may; the answer says which model it was."""
    client.put("/aliases/houses", json={"model_id": model_id})

    by_json = ok(client.post("/predict", json={"model_id": "houses", "X": [[1.0, 10.0]]}), 200)
    by_csv = ok(client.post("/predict", params={"model_id": "houses"}, **as_csv(ROWS)), 200)
    by_query = ok(client.get("/predict", params={"model_id": "houses", "beds": 1, "sqft": 10}), 200)

    assert by_json == by_query
    assert (by_json["model_id"], by_json["predictions"]) == (model_id, [33.0])
    assert by_csv["model_id"] == ok(client.get("/models/houses"), 200)["id"] == model_id


@pytest.mark.parametrize("form", [*FORMS, "query"])
def test_missing_and_unknown_features_are_named(client: httpx.Client, model_id: str, form: str) -> None:
    """Both kinds at once; a feature is never guessed and a column never ignored."""
    wrong = {"beds": [1.0], "rooms": [2.0]}
    if form == "json":
        answer = client.post("/predict", json={"model_id": model_id, "columns": wrong})
    elif form == "query":
        answer = client.get("/predict", params={"model_id": model_id, "beds": 1, "rooms": 2})
    else:
        answer = client.post("/predict", params={"model_id": model_id}, **FORMS[form](wrong))

    problem = refused(answer, 422, "columns-differ")

    assert (problem["missing"], problem["unknown"]) == (["sqft"], ["rooms"])


def test_features_in_the_wrong_number_are_listed(client: httpx.Client, model_id: str) -> None:
    """The answer says how many came, how many there must be, and their names in order."""
    problem = refused(client.post("/predict", json={"model_id": model_id, "X": [[1.0]]}), 422, "invalid-value")

    one = fit(client, X=[[0.0], [1.0]], y=[0.0, 1.0])["id"]
    wide = refused(client.post("/predict", json={"model_id": one, "X": [[1.0, 2.0]]}), 422, "invalid-value")

    assert "2 values; " in wide["detail"]
    assert wide["detail"].endswith("has 1 feature, x")
    assert "1 value;" in problem["detail"]
    assert "2 features, beds, sqft" in problem["detail"]
    assert pointers(problem) == ["/X/0"]


@pytest.mark.parametrize(
    ("body", "slug", "pointer"),
    [
        ({"X": [[1.0, 2.0], [1.0]]}, "ragged-row", "/X/1"),
        ({"X": [[1.0, 2.0], [1.0, None]]}, "missing-value", "/X/1/1"),
        ({"columns": {"beds": [1.0, None], "sqft": [1.0, 2.0]}}, "missing-value", "/columns/beds/1"),
        ({"X": [[1.0, "2"]]}, "invalid-fields", "/X/0/1"),
        ({"X": [[1.0, 1e200]]}, "out-of-range", "/X/0/1"),
        ({"columns": {"beds": [1.0, 1e200], "sqft": [1.0, 1.0]}}, "out-of-range", "/columns/beds/1"),
        ({"columns": {"beds": [1.0], "sqft": [1.0, 2.0]}}, "unequal-columns", "/columns"),
        ({"columns": {"beds": ["one"], "sqft": [1.0]}}, "types-differ", "/columns/beds/0"),
        ({"X": []}, "no-rows", "/X"),
        ({"columns": {"beds": [], "sqft": []}}, "no-rows", "/columns"),
        ({}, "invalid-value", ""),
        ({"X": [[1.0, 2.0]], "columns": {}}, "invalid-value", ""),
        ({"X": [[1.0, 2.0]], "interval": "credible"}, "invalid-fields", "/interval"),
        ({"X": [[1.0, 2.0]], "level": 1.0}, "invalid-fields", "/level"),
        ({"X": [[1.0, 2.0]], "rows": 1}, "invalid-fields", "/rows"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_rows_is_said_where_it_is(
    client: httpx.Client, model_id: str, body: dict[str, object], slug: str, pointer: str
) -> None:
    """A JSON pointer to the cell, the row or the field."""
    problem = refused(client.post("/predict", json={"model_id": model_id, **body}), 422, slug)

    assert pointers(problem) == [pointer]


def test_batches_are_predicted_as_one_table_is(client: httpx.Client, model_id: str) -> None:
    """Batch by batch, and an error's row is counted from the first one's start."""
    whole = ok(client.post("/predict", params={"model_id": model_id}, **as_arrow(ROWS)), 200)
    cut = ok(client.post("/predict", params={"model_id": model_id}, **as_arrow(ROWS, max_chunksize=3)), 200)
    bad = as_arrow(ROWS | {"sqft": [50.0, 70.0, 65.0, float("nan")]}, max_chunksize=2)

    problem = refused(client.post("/predict", params={"model_id": model_id}, **bad), 422, "not-finite")

    assert whole["predictions"] == cut["predictions"] == PRICES
    assert (problem["row"], problem["column"]) == (3, "sqft")


def test_text_cannot_be_a_feature_of_a_prediction(client: httpx.Client, model_id: str) -> None:
    """The row, the column, the value and what it must be are said, in CSV and Arrow too."""
    for form, first, slug in ((as_csv, "1", "wrong-type"), (as_arrow, "", "types-differ")):
        sent = form({"beds": [first, "many"], "sqft": [1.0, 2.0]})
        problem = refused(client.post("/predict", params={"model_id": model_id}, **sent), 422, slug)
        where = (1, "beds", "many") if form is as_csv else (0, "beds", "")
        assert (problem["row"], problem["column"], problem["value"]) == where
        assert "a number" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "slug", "error"),
    [
        ("beds=1&sqft=many", "wrong-type", {"parameter": "sqft", "detail": "sqft: 'many' is not a number"}),
        ("beds=1&sqft=2&beds=3", "invalid-value", {"parameter": "beds", "detail": "the feature 'beds' is given twice"}),
        ("beds=1&sqft=1_0", "wrong-type", {"parameter": "sqft", "detail": "sqft: '1_0' is not a number"}),
    ],
)
def test_what_is_wrong_with_a_query_is_said(
    client: httpx.Client, model_id: str, query: str, slug: str, error: dict[str, str]
) -> None:
    """Of a row in the query the feature and its value are named."""
    problem = refused(client.get(f"/predict?model_id={model_id}&{query}"), 422, slug)

    assert problem["errors"] == [error]


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "1e-200"])
def test_what_is_no_usable_number_is_refused_in_a_query_too(client: httpx.Client, model_id: str, value: str) -> None:
    """The promise of 13 digits holds for magnitudes of 0 or 1e-150 .. 1e150."""
    answer = client.get("/predict", params={"model_id": model_id, "beds": value, "sqft": "1"})

    problem = refused(answer, 422, "out-of-range" if value == "1e-200" else "not-finite")
    assert problem["column"] == "beds"


def test_a_feature_named_like_a_parameter_needs_post(client: httpx.Client) -> None:
    """GET cannot tell the feature `model_id` from its parameter, and says so; POST can."""
    id_ = fit(client, X=[[0.0], [1.0]], y=[0.0, 1.0], feature_names=["model_id"])["id"]

    problem = refused(client.get("/predict", params={"model_id": id_}), 422, "invalid-value")

    assert "POST /predict" in problem["detail"]
    assert ok(client.post("/predict", json={"model_id": id_, "columns": {"model_id": [2.0]}}), 200)["predictions"] == [2.0]


def test_a_table_needs_the_model_in_the_query(client: httpx.Client, model_id: str) -> None:
    """CSV and Arrow have no place for the model but the query; a model that is not there is 404."""
    assert "model_id" in refused(client.post("/predict", **as_csv(ROWS)), 422, "invalid-value")["detail"]
    refused(client.post("/predict", params={"model_id": "mdl_none"}, **as_csv(ROWS)), 404, "not-found")
    refused(client.post("/predict", json={"model_id": "nobody", "X": [[1.0, 2.0]]}), 404, "not-found")
    refused(client.get("/predict", params={"beds": 1, "sqft": 2}), 422, "invalid-parameter")
    assert model_id.startswith("mdl_")


def test_a_prediction_that_is_no_double_is_refused(client: httpx.Client) -> None:
    """Its row is said; JSON never carries Infinity."""
    id_ = fit(client, X=[[1e-150], [2e-150]], y=[1e149, 1e150])["id"]

    problem = refused(
        client.post("/predict", json={"model_id": id_, "X": [[1e-150], [1e150]]}), 422, "prediction-out-of-range"
    )

    assert problem["row"] == 1
    assert pointers(problem) == ["/X/1"]


def test_predictions_are_as_right_as_the_coefficients(client: httpx.Client) -> None:
    """What coef . x sums to cancels where x is far from 0; the prediction has its digits all the same."""
    X = [[1e9 + i] for i in range(5)]
    model = fit(client, X=X, y=[1.0, 2.0, 3.0, 4.0, 5.0])

    predicted = ok(client.post("/predict", json={"model_id": model["id"], "X": [[1e9 + 0.5], [1e9 + 2.25]]}), 200)

    assert predicted["predictions"] == [1.5, 3.25]
