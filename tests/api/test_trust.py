"""How far to trust predictions, in every row of an answer: leverages, rows outside what the model has seen, and contributions."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import ARROW, CSV, JSON, as_arrow, as_csv, dataset, fit, of_arrow, ok, refused

RNG = np.random.default_rng(4)
X = RNG.normal(size=(30, 3)).round(3)
Y = (X @ [1.0, -2.0, 0.5] + RNG.normal(size=30)).round(3)
ALONG: dict[str, Any] = {"x": [float(i) for i in range(12)], "z": [i + 0.25 * (-1) ** i for i in range(12)]}
ALONG["y"] = [x + z * z / 9 for x, z in zip(ALONG["x"], ALONG["z"], strict=True)]
HIDDEN = {"x": [5.5, 5.5, 10.0, 20.0], "z": [5.5, 9.0, 10.0, 20.0]}  # the second has z as far from x as no row of the fit


def predict(client: httpx.Client, model: dict[str, Any], **body: object) -> dict[str, Any]:
    answer: dict[str, Any] = ok(client.post("/predict", json={"model_id": model["id"]} | body), 200)
    return answer


def exact_leverages(rows: np.ndarray[Any, Any], fitted: np.ndarray[Any, Any]) -> list[float]:
    one, all_ = (np.column_stack([np.ones(len(part)), part]) for part in (rows, fitted))
    leverages: list[float] = np.einsum("ij,jk,ik->i", one, np.linalg.inv(all_.T @ all_), one).tolist()
    return leverages


def test_every_row_of_a_json_answer_has_its_leverage(client: httpx.Client) -> None:
    """Unasked, in POST and GET, one row or many; not if it is not wanted."""
    model = fit(client, X=X.tolist(), y=Y.tolist())
    expected = exact_leverages(X, X)

    many = predict(client, model, X=X.tolist())
    one = [predict(client, model, X=[row])["leverage"][0] for row in X.tolist()]
    got = ok(client.get("/predict", params={"model_id": model["id"]} | dict(zip(("x1", "x2", "x3"), X[0], strict=True))), 200)

    assert many["leverage"] == pytest.approx(expected, rel=1e-12)
    assert many["leverage"] == one
    assert got["leverage"] == one[:1]
    assert many["reasons"] == {}
    assert "leverage" not in predict(client, model, X=X.tolist(), leverage=False)
    assert "leverage" not in predict(client, model, X=X.tolist(), leverage=False, interval="confidence")


def test_a_descent_has_leverages_too(client: httpx.Client) -> None:
    """They are of the rows alone, wherever the coefficients stopped."""
    spec: dict[str, Any] = {"method": "gradient_descent", "epochs": 3}

    model = fit(client, X=X.tolist(), y=Y.tolist(), **spec)

    assert predict(client, model, X=X.tolist())["leverage"] == pytest.approx(exact_leverages(X, X), rel=1e-12)


@pytest.mark.parametrize(
    ("spec", "why"),
    [({"l2": 0.5}, "penalised"), ({"rank_deficient": "minimum_norm", "X": [[i, 2.0 * i] for i in range(30)]}, "dependent")],
    ids=["penalised", "dependent"],
)
@pytest.mark.parametrize("n_rows", [1, 3])
def test_leverage_that_does_not_exist_is_null_with_a_reason(
    client: httpx.Client, spec: dict[str, Any], why: str, n_rows: int
) -> None:
    """Nothing is refused that was not asked for; asked for, it is."""
    model = fit(client, **{"X": X.tolist(), "y": Y.tolist()} | spec)
    rows = [[0.5] * model["n_features"]] * n_rows

    for _ in range(2):  # the second time all that is needed is in memory
        answer = predict(client, model, X=rows)
        assert answer["leverage"] is None
        assert why in answer["reasons"]["leverage"]
        assert answer["extrapolation"] == [False] * n_rows
    refused(client.post("/predict", json={"model_id": model["id"], "X": rows, "leverage": True}), 422, "no-interval")


def test_models_of_many_terms_are_asked_for_leverages(client: httpx.Client) -> None:
    """More than 24 terms take a worker process at first: the reason says how to ask."""
    wide = RNG.normal(size=(60, 25))
    model = fit(client, X=wide.tolist(), y=wide.sum(axis=1).tolist())

    for rows in (wide[:1].tolist(), wide.tolist()):
        answer = predict(client, model, X=rows)
        assert answer["leverage"] is None
        assert '"leverage": true' in answer["reasons"]["leverage"]
    assert predict(client, model, X=wide.tolist(), leverage=True)["leverage"] == pytest.approx(exact_leverages(wide, wide))


def test_a_leverage_beyond_doubles_takes_no_prediction_with_it(client: httpx.Client) -> None:
    """It was not asked for: null, with the row; asked for, the row is refused as before."""
    model = fit(client, X=[[1e-150], [2e-150], [4e-150]], y=[1e-150, 2e-150, 4.5e-150])

    for rows in ([[1e150]], [[1e-150], [1e150]]):
        answer = predict(client, model, X=rows)
        assert answer["leverage"][-1] is None
        assert f"row {len(rows) - 1}" in answer["reasons"]["leverage"]
        assert answer["extrapolation"][-1] is True
        asked = {"model_id": model["id"], "X": rows, "leverage": True}
        refused(client.post("/predict", json=asked), 422, "prediction-out-of-range")


@pytest.mark.parametrize("accept", [ARROW, CSV, JSON])
def test_rows_outside_the_range_of_a_feature_are_said_to_be_in_every_form(client: httpx.Client, accept: str) -> None:
    """The ends of the range are within; other forms than JSON have no leverage unless asked."""
    model = fit(client, dataset_id=dataset(client, ALONG), target="y", features=["x"])
    rows = {"x": [0.0, 11.0, -0.001, 11.001]}

    answer = client.post("/predict", params={"model_id": model["id"]}, content=as_csv(rows)["content"],
                         headers={"Content-Type": CSV, "Accept": accept})  # fmt: skip

    assert answer.status_code == 200, answer.text
    if accept == JSON:
        assert answer.json()["extrapolation"] == [False, False, True, True]
    elif accept == ARROW:
        table = of_arrow(answer.content)
        assert list(table) == ["prediction", "extrapolation"]
        assert table["extrapolation"] == [False, False, True, True]
    else:
        assert [line.split(",")[1] for line in answer.text.split()] == ['"extrapolation"', "false", "false", "true", "true"]


@pytest.mark.parametrize("is_inline", [True, False])
def test_hidden_extrapolation_is_seen_by_the_leverage(client: httpx.Client, is_inline: bool) -> None:
    """Each feature within its range, and the two together as in no row: where leverages are made, and only there."""
    if is_inline:
        rows = [list(row) for row in zip(ALONG["x"], ALONG["z"], strict=True)]
        model = fit(client, X=rows, y=ALONG["y"], feature_names=["x", "z"])
    else:
        model = fit(client, dataset_id=dataset(client, ALONG), target="y")

    answer = predict(client, model, columns=HIDDEN)
    one = [predict(client, model, X=[list(row)])["extrapolation"][0] for row in zip(*HIDDEN.values(), strict=True)]
    blind = predict(client, model, columns=HIDDEN, leverage=False)
    own = predict(client, model, columns={name: ALONG[name] for name in ("x", "z")})

    assert answer["extrapolation"] == one == [False, True, False, True]
    assert blind["extrapolation"] == [False, False, False, True]
    assert own["extrapolation"] == [False] * 12


def test_where_nobody_knows_the_rows_a_leverage_above_1_is_outside_all_the_same(client: httpx.Client) -> None:
    """Of moments alone: null for what may lie within, with a reason; no row of an unweighted fit has more than 1."""
    moments = ok(client.get(f"/datasets/{dataset(client, {'x': ALONG['x'], 'y': ALONG['y']})}/moments"), 200)
    made = ok(client.post("/datasets", json={"moments": moments}))
    model = fit(client, dataset_id=made["id"], target="y")

    answer = predict(client, model, X=[[5.0], [100.0]])
    one = [predict(client, model, X=[row])["extrapolation"] for row in ([5.0], [100.0])]
    blind = predict(client, model, X=[[5.0], [100.0]], leverage=False)
    body = as_arrow({"x": [5.0, 100.0]})
    headers = body["headers"] | {"Accept": ARROW}
    table = of_arrow(
        client.post("/predict", params={"model_id": model["id"]}, content=body["content"], headers=headers).content
    )

    assert answer["extrapolation"] == [None, True]
    assert one == [[None], [True]]
    assert "where the rows of its fit lay" in answer["reasons"]["extrapolation"]
    assert blind["extrapolation"] == table["extrapolation"] == [None, None]


def test_categories_that_count_as_the_baseline_are_outside(client: httpx.Client) -> None:
    """The model has seen none of them."""
    rows: dict[str, Any] = {"city": ["Ulm", "Bonn", "Ulm", "Bonn"], "x": [1.0, 2.0, 3.0, 4.5], "y": [1.0, 2.0, 3.5, 4.0]}
    model = fit(client, dataset_id=dataset(client, rows), target="y", features=["city", "x"], categorical="one_hot")

    answer = predict(client, model, columns={"city": ["Ulm", "Jena", None], "x": [2.0, 2.0, 2.0]}, on_unseen="baseline")

    assert answer["extrapolation"] == [False, True, True]
    assert answer["predictions"][1] == answer["predictions"][2]


def test_times_are_outside_as_numbers_are(client: httpx.Client) -> None:
    """A day after the last is outside, by POST and by GET."""
    days = [f"2026-11-0{i}" for i in range(1, 8)]
    model = fit(
        client,
        dataset_id=dataset(client, {"day": days, "y": [1.0, 2.0, 2.5, 4.0, 5.5, 6.0, 7.0]}),
        target="y",
        features=["day"],
    )

    answer = predict(client, model, columns={"day": ["2026-11-07", "2026-11-08"]})
    one = ok(client.get("/predict", params={"model_id": model["id"], "day": "2026-10-31"}), 200)

    assert answer["extrapolation"] == [False, True]
    assert one["extrapolation"] == [True]


def test_contributions_add_up_to_the_prediction(client: httpx.Client) -> None:
    """By term, as `terms` has them: the coefficient times the value; in tables a column each, in the address too."""
    rows: dict[str, Any] = {
        "city": ["Ulm", "Bonn"] * 8,
        "x": [0.5 * i for i in range(16)],
        "y": [float(i * i % 7) for i in range(16)],
    }
    model = fit(client, dataset_id=dataset(client, rows), target="y", features=["city", "x"], categorical="one_hot", degree=2)
    sent: dict[str, Any] = {"city": ["Ulm", "Bonn"], "x": [2.5, 3.25]}

    answer = predict(client, model, columns=sent, contributions=True)
    one = ok(client.get("/predict", params={"model_id": model["id"], "city": "Ulm", "x": 2.5, "contributions": "true"}), 200)
    parameters: dict[str, Any] = {"model_id": model["id"], "contributions": True}
    body = as_arrow(sent)
    table = of_arrow(
        client.post(
            "/predict", params=parameters, content=body["content"], headers=body["headers"] | {"Accept": ARROW}
        ).content
    )

    assert list(answer["contributions"]) == ["intercept", *model["terms"]]
    assert np.sum(list(answer["contributions"].values()), axis=0) == pytest.approx(answer["predictions"], rel=1e-14)
    assert answer["contributions"]["intercept"] == [model["intercept"]] * 2
    for name, coef in zip(model["terms"], model["coef"], strict=True):
        value = {"city=Ulm": [1, 0], "x": sent["x"], "x^2": [x * x for x in sent["x"]]}[name]
        assert answer["contributions"][name] == pytest.approx([coef * one for one in value], rel=1e-15)
    assert {name: values[:1] for name, values in answer["contributions"].items()} == one["contributions"]
    assert {f"contribution_{name}": values for name, values in answer["contributions"].items()} == {
        name: values for name, values in table.items() if name.startswith("contribution_")
    }


def test_terms_that_were_dropped_contribute_nothing_and_are_left_out(client: httpx.Client) -> None:
    """As is an intercept that was not fitted; slopes of times count in the unit that they are read in."""
    rows = {
        "day": ["2026-11-01", "2026-11-02", "2026-11-04", "2026-11-08"],
        "x": [1.0, 2.0, 3.0, 5.0],
        "y": [1.0, 2.5, 3.0, 4.5],
    }
    double: dict[str, Any] = rows | {"twice": [2.0, 4.0, 6.0, 10.0]}
    spec: dict[str, Any] = {"dataset_id": dataset(client, double), "target": "y", "rank_deficient": "drop"}
    dropped = fit(client, **spec, features=["x", "twice"], fit_intercept=False)
    timed = fit(client, **spec, features=["day"], per="day")

    assert list(predict(client, dropped, X=[[1.0, 2.0]], contributions=True)["contributions"]) == ["x"]
    answer = predict(client, timed, columns={"day": ["1970-01-03"]}, contributions=True)
    assert answer["contributions"]["day"] == pytest.approx([2 * timed["coef"][0]], rel=1e-15)


def test_more_contributions_than_a_page_has_cells_are_refused(client: httpx.Client) -> None:
    """They are held at once, as the cells of a page are; predictions alone are not."""
    most = ok(client.get("/limits"), 200)["max_page_cells"]
    model = fit(client, X=X[:, :1].tolist(), y=Y.tolist(), degree=12)
    sent = as_arrow({"x": np.linspace(-1, 1, most // 13 + 1).tolist()})
    headers = sent["headers"] | {"Accept": ARROW}

    plain, split = (
        client.post(
            "/predict", params={"model_id": model["id"], "contributions": one}, content=sent["content"], headers=headers
        )
        for one in (False, True)
    )

    assert plain.status_code == 200
    assert refused(split, 422, "over-limit")["limit"] == most
