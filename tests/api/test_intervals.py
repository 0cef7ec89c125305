"""Predictions, leverages and the ends of intervals: as right as the coefficients, at every row of the reference sets."""

import json
from typing import Any

import httpx
import pytest
from flint import arb

from tests.api import nist, student
from tests.api.exact import off_by
from tests.api.made import fit, ok, refused

LEVELS = {"confidence": 0.95, "prediction": 0.99}
FAR_OUT = 0.999999  # the level of an alarm: hardly anything is left outside
RIGHT = 1e-13  # relative


@pytest.fixture(scope="module")
def models(client: httpx.Client) -> dict[tuple[str, str], str]:
    """The id of a model of each set in each reading."""
    return {(name, numbers): fitted(client, name, numbers) for name in nist.SETS for numbers in ("decimal", "float64")}


def fitted(client: httpx.Client, name: str, numbers: str) -> str:
    made = ok(client.post("/datasets", **nist.as_json(nist.columns(name), numbers=numbers)))
    id_: str = fit(client, dataset_id=made["id"], **nist.options(name))["id"]
    return id_


def predicted(client: httpx.Client, name: str, model_id: str, **wanted: object) -> dict[str, Any]:
    features = {column: texts for column, texts in nist.columns(name).items() if column != "y"}
    answer: dict[str, Any] = ok(client.post("/predict", **nist.as_json(features, model_id=model_id, **wanted)), 200)
    return answer


def rows(name: str, numbers: str) -> list[Any]:
    return list(zip(*nist.terms(name, numbers).values(), strict=True))


@pytest.mark.parametrize("numbers", ["decimal", "float64"])
@pytest.mark.parametrize("name", nist.SETS)
def test_predictions_and_leverages_are_right_to_13_digits(
    client: httpx.Client, models: dict[tuple[str, str], str], name: str, numbers: str
) -> None:
    """Powers up to the tenth cancel to nine digits in doubles; here nothing is lost."""
    exact = nist.exact(name, numbers)

    answer = predicted(client, name, models[name, numbers], leverage=True)

    for row, prediction, leverage in zip(rows(name, numbers), answer["predictions"], answer["leverage"], strict=True):
        assert off_by(prediction, exact.prediction(row)) <= RIGHT
        assert off_by(leverage, exact.leverage(row)) <= RIGHT


@pytest.mark.parametrize("level", [None, FAR_OUT])
@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("numbers", ["decimal", "float64"])
@pytest.mark.parametrize("name", nist.SETS)
def test_the_ends_of_intervals_are_right_to_13_digits(
    client: httpx.Client, models: dict[tuple[str, str], str], name: str, numbers: str, kind: str, level: float | None
) -> None:
    """Of the mean at a row and of a new observation there, at the level that is asked for, 95% by default."""
    exact = nist.exact(name, numbers)
    asked = {} if level is None and kind == "confidence" else {"level": level or LEVELS[kind]}

    answer = predicted(client, name, models[name, numbers], interval=kind, **asked)

    worst = 0.0
    with student.in_balls():
        for i, row in enumerate(rows(name, numbers)):
            ends = student.interval(
                exact.prediction(row), exact.leverage(row), exact.sigma_square, exact.df, level or LEVELS[kind], kind
            )
            worst = max(worst, *map(student.off_by, (answer["lower"][i], answer["upper"][i]), ends))
    assert worst <= RIGHT


@pytest.mark.parametrize("name", ["longley", "filip", "noint2", "wampler5"])
def test_the_intervals_of_coefficients_are_right_to_13_digits(client: httpx.Client, models: Any, name: str) -> None:
    """The 95% intervals of the inference, and t, from the exact estimates and errors."""
    exact = nist.exact(name, "decimal")

    inference = ok(client.get(f"/models/{models[name, 'decimal']}"), 200)["inference"]

    with student.in_balls():
        for i, row in enumerate(inference):
            variance = exact.inverse[i, i] * exact.sigma_square
            t_value = arb(exact.theta[i]) / arb(variance).sqrt()
            ends = student.interval(exact.theta[i], exact.inverse[i, i], exact.sigma_square, exact.df, 0.95, "confidence")
            assert student.off_by(row["t_value"], t_value) <= RIGHT
            assert max(map(student.off_by, (row["ci_lower"], row["ci_upper"]), ends)) <= RIGHT


def test_an_exact_fit_has_intervals_of_no_width(client: httpx.Client, models: dict[tuple[str, str], str]) -> None:
    """Wampler1 is a polynomial without noise: both ends are the prediction, and that the observation."""
    answer = predicted(client, "wampler1", models["wampler1", "decimal"], interval="prediction")

    assert answer["lower"] == answer["predictions"] == answer["upper"]
    assert answer["predictions"] == [float(y) for y in nist.SETS["wampler1"]["y"]]


def test_as_many_rows_as_coefficients_have_no_interval(client: httpx.Client) -> None:
    """Without degrees of freedom there is no sigma: the error says so, and predictions and leverages (all 1) are there."""
    model = fit(client, X=[[1.0], [2.0]], y=[3.0, 5.0])
    body = {"model_id": model["id"], "X": [[1.0], [2.0]]}

    assert (
        "degrees of freedom"
        in refused(client.post("/predict", json=body | {"interval": "confidence"}), 422, "no-interval")["detail"]
    )
    answer = ok(client.post("/predict", json=body | {"leverage": True}), 200)
    assert (answer["predictions"], answer["leverage"]) == ([3.0, 5.0], [1.0, 1.0])


@pytest.mark.parametrize("form", ["text/csv", "application/json"])
def test_intervals_come_in_each_form_and_by_query(client: httpx.Client, models: dict[tuple[str, str], str], form: str) -> None:
    """A GET of one row and a CSV have the same figures as the JSON body."""
    id_ = models["norris", "decimal"]
    posted = ok(client.post("/predict", json={"model_id": id_, "X": [[0.2]], "interval": "prediction", "level": 0.9}), 200)
    expected = {name: values[0] for name, values in posted.items() if name not in ("model_id", "reasons")}

    parameters: dict[str, str | float] = {"model_id": id_, "interval": "prediction", "level": 0.9}
    if form == "text/csv":
        answer = client.post(
            "/predict", params=parameters, content=b"x\n0.2\n", headers={"Content-Type": form, "Accept": form}
        )
        header, cells = answer.text.split()
        names = header.replace('"', "").replace("prediction", "predictions").split(",")
        got = dict(zip(names, map(json.loads, cells.split(",")), strict=True))
    else:
        answer = client.get("/predict", params=parameters | {"x": 0.2})
        got = {name: values[0] for name, values in ok(answer, 200).items() if name not in ("model_id", "reasons")}
    assert got == expected
