"""Timestamps as a column: in by every format, back as ISO 8601, and rows chosen by them."""

import io
from fractions import Fraction
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from service.ingest.times import iso, microseconds
from tests.api.made import ARROW, CSV, FORMS, Sent, as_json, dataset, fit, of_arrow, ok, pointers, refused

DAYS = ["2026-11-26", "2026-11-27", "2026-11-28T12:00:00Z", "2026-11-29 00:00:00.000001+00:00"]
OUT = ["2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T12:00:00Z", "2026-11-29T00:00:00.000001Z"]
Y = [1.0, 2.0, 4.0, 8.5]
NUMPY = [np.datetime64(day.replace("Z", "").replace("+00:00", "").replace(" ", "T"), "us") for day in DAYS]


def stored(client: httpx.Client, sent: Sent) -> dict[str, Any]:
    made: dict[str, Any] = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))
    return made


def predict(client: httpx.Client, model: dict[str, Any], columns: dict[str, Any]) -> httpx.Response:
    return client.post("/predict", json={"model_id": model["id"], "columns": columns})


def of_form(form: str) -> Sent:
    """The same rows in each form: text, or Arrow's own type."""
    if form in ("json", "csv"):
        return FORMS[form]({"t": DAYS, "y": Y})
    times: Any = pa.array(np.array(NUMPY)).cast(pa.timestamp("ns", "Europe/Berlin"))
    return FORMS[form]({"t": times, "y": Y})


@pytest.mark.parametrize("form", [*FORMS, "npz"])
def test_the_same_times_come_in_by_every_form(client: httpx.Client, form: str) -> None:
    """They are kept as microseconds of UTC, and shown as text; mean and deviation of times are not made."""
    if form == "npz":
        sink = io.BytesIO()
        np.savez(sink, t=np.array(NUMPY), y=np.array(Y))
        made = stored(client, {"content": sink.getvalue(), "headers": {"Content-Type": "application/x-npz"}})
    else:
        made = stored(client, of_form(form))
    url = f"/datasets/{made['id']}"

    assert made["columns"][0] == {
        "name": "t", "type": "timestamp", "mean": None, "std": None, "min": OUT[0], "max": OUT[-1], "n_missing": 0,
    }  # fmt: skip
    assert ok(client.get(url), 200) == made
    assert ok(client.get(f"{url}/rows"), 200)["columns"] == {"t": OUT, "y": Y}
    assert client.get(f"{url}/rows", params={"format": "csv"}).text.replace('"', "").split("\n")[1] == f"{OUT[0]},1"
    back = of_arrow(client.get(f"{url}/rows", params={"format": "arrow"}).content)
    assert [time.isoformat().replace("+00:00", "Z") for time in back["t"]] == OUT


def test_what_comes_back_is_taken_again_as_it_was(client: httpx.Client) -> None:
    """CSV, JSON and Arrow."""
    url = f"/datasets/{stored(client, as_json({'t': DAYS, 'y': Y}))['id']}/rows"
    csv, arrow = (client.get(url, params={"format": form}).content for form in ("csv", "arrow"))
    again: list[Sent] = [
        {"content": csv, "headers": {"Content-Type": CSV}},
        {"content": arrow, "headers": {"Content-Type": ARROW}},
        as_json({"t": OUT, "y": Y}),
    ]

    for sent in again:
        made = stored(client, sent)
        assert ok(client.get(f"/datasets/{made['id']}/rows"), 200)["columns"] == {"t": OUT, "y": Y}


def test_text_of_which_one_is_no_time_stays_text(client: httpx.Client) -> None:
    """In JSON all of a column is looked at; a null is missing in either."""
    made = stored(client, as_json({"t": ["2026-11-28", "soon"], "u": ["2026-11", "2026-12"], "v": ["2026-11-28", None]}))  # type: ignore[dict-item]

    assert [column["type"] for column in made["columns"]] == ["text", "text", "timestamp"]


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_appended_by_the_types_that_are_there(client: httpx.Client, form: str) -> None:
    """Times to times, and text that looks like a time to text."""
    made = stored(client, of_form(form))
    other = stored(client, as_json({"t": ["soon"], "y": [1.0]}))
    more = of_form(form)

    url = f"/datasets/{made['id']}/rows"
    assert ok(client.post(url, content=more["content"], headers=more["headers"]))["n_samples"] == 8
    assert ok(client.get(url, params={"offset": 4}), 200)["columns"]["t"] == OUT
    answer = client.post(f"/datasets/{other['id']}/rows", content=more["content"], headers=more["headers"])
    if form in ("json", "csv"):
        assert ok(answer)["n_samples"] == 5
    else:
        problem = refused(answer, 422, "types-differ")
        assert f"{OUT[0]} is a timestamp, expected text" in problem["detail"]


def test_what_is_no_time_is_not_appended_to_times(client: httpx.Client) -> None:
    """By row and column, and with what would be one."""
    url = f"/datasets/{dataset(client, {'t': DAYS, 'y': Y})}/rows"

    problem = refused(client.post(url, json={"columns": {"t": ["2026-11-28", "soon"], "y": [1, 2]}}), 422, "wrong-type")
    assert (problem["row"], problem["column"], problem["value"]) == (1, "t", "soon")
    assert pointers(problem) == ["/columns/t/1"]
    assert "2026-11-28T21:05:00Z" in problem["detail"]
    by_csv = client.post(url, content="t,y\n2026-11-28,1\nsoon,2\n", headers={"Content-Type": CSV})
    assert refused(by_csv, 422, "wrong-type")["row"] == 1
    number = refused(client.post(url, json={"columns": {"t": [1.5], "y": [1]}}), 422, "types-differ")
    assert "1.5 is a number, expected a timestamp" in number["detail"]
    assert ok(client.post(url, json={"columns": {"t": [None], "y": [1]}}))["n_samples"] == 5


def test_times_that_cannot_be_kept_are_refused_by_row(client: httpx.Client) -> None:
    """What is finer than a microsecond would be rounded, and a year of six digits could not be written."""
    fine, far = (
        FORMS["arrow"]({"t": pa.array([0, value], type_), "y": [1.0, 2.0]})  # type: ignore[dict-item]
        for value, type_ in ((1, pa.timestamp("ns")), (10**13, pa.timestamp("s")))
    )

    for sent, slug in ((fine, "lossy-timestamp"), (far, "timestamp-out-of-range")):
        problem = refused(client.post("/datasets", content=sent["content"], headers=sent["headers"]), 422, slug)
        assert (problem["row"], problem["column"]) == (1, "t")


def lines(client: httpx.Client, numbers: str = "float64") -> tuple[str, str]:
    """Data sets of the same rows by times and by their microseconds as numbers."""
    t = [microseconds(day) for day in DAYS]
    z = [0.5, 0.25, 1.0, 4.0]
    by_times = dataset(client, {"t": DAYS, "z": z, "y": Y}, numbers=numbers)
    return by_times, dataset(client, {"t": t, "z": z, "y": Y}, numbers=numbers)


@pytest.mark.parametrize(
    "options",
    [{}, {"degree": 2, "features": ["t"]}, {"interactions": True, "rank_deficient": "allow", "fit_intercept": False}],
)
def test_a_time_counts_as_its_microseconds_since_1970(client: httpx.Client, options: dict[str, Any]) -> None:
    """Predictions are those of the model of these as numbers, to the bit."""
    features: Any = options.pop("features", ["t", "z"])
    by_times, by_numbers = lines(client)
    model, other = (fit(client, dataset_id=id_, target="y", features=features, **options) for id_ in (by_times, by_numbers))

    assert (model["timestamps"], other["timestamps"]) == (["t"], [])
    assert (model["options"]["per"], other["options"]["per"]) == ("day", None)
    assert model["metrics"] == other["metrics"]
    when, z = ["2026-12-24", "1999-12-31T23:59:59.999999Z"], [1.0, 2.0]
    rows = {"t": when, "z": z}
    sent = {"t": [microseconds(day) for day in when], "z": z}
    expected = ok(predict(client, other, {name: sent[name] for name in features}), 200)["predictions"]
    assert ok(predict(client, model, {name: rows[name] for name in features}), 200)["predictions"] == expected


def test_predictions_take_times_in_every_form(client: httpx.Client) -> None:
    """By name: text in JSON, in CSV and in the address, Arrow's own type; a matrix of numbers has no names."""
    id_ = dataset(client, {"t": DAYS, "y": Y})
    model = fit(client, dataset_id=id_, target="y", features=["t"])
    (expected,) = ok(predict(client, model, {"t": ["2026-12-24"]}), 200)["predictions"]
    times: Any = pa.array([20811], pa.date32())
    by_model = {"model_id": model["id"]}

    assert ok(client.get("/predict", params=by_model | {"t": "2026-12-24T01:00:00+01:00"}), 200)["predictions"] == [expected]
    csv: Sent = {"content": b"t\n2026-12-24\n", "headers": {"Content-Type": CSV}}
    for sent in (csv, FORMS["arrow"]({"t": times}), FORMS["parquet"]({"t": times})):
        answer = client.post("/predict", params=by_model, content=sent["content"], headers=sent["headers"])
        assert ok(answer, 200)["predictions"] == [expected]

    matrix = refused(client.post("/predict", json=by_model | {"X": [[1.0]]}), 422, "invalid-value")
    assert "(t): send columns by name" in matrix["detail"]
    text = FORMS["arrow"]({"t": ["2026-12-24T00:00:00Z"]})
    assert ok(client.post("/predict", params=by_model, content=text["content"], headers=text["headers"]), 200)[
        "predictions"
    ] == [expected]
    far = refused(client.get("/predict", params=by_model | {"t": "2300-01-01"}), 422, "timestamp-out-of-range")
    assert (far["column"], far["value"]) == ("t", "2300-01-01T00:00:00Z")
    address = refused(client.get("/predict", params=by_model | {"t": "soon"}), 422, "wrong-type")
    assert (address["column"], address["value"]) == ("t", "soon")
    for value, slug in (("soon", "wrong-type"), (None, "missing-value"), ("2300-01-01", "timestamp-out-of-range")):
        problem = refused(predict(client, model, {"t": ["2026-12-24", value]}), 422, slug)
        assert (problem["row"], problem["column"]) == (1, "t")
    assert refused(predict(client, model, {"t": [1.5]}), 422, "types-differ")["row"] == 0


def test_times_are_features_by_name_alone(client: httpx.Client) -> None:
    """Left out, features are the numbers; a fit without any says which times there are."""
    id_ = dataset(client, {"t": DAYS, "x": [1.0, 2.0, 3.0, 5.0], "y": Y})
    assert fit(client, dataset_id=id_, target="y")["feature_names"] == ["x"]
    alone = dataset(client, {"t": DAYS, "y": Y})

    problem = refused(client.post("/fit", json={"dataset_id": alone, "target": "y"}), 422, "invalid-value")
    assert "t can be named in features, as timestamps" in problem["detail"]
    target = refused(client.post("/fit", json={"dataset_id": id_, "target": "t"}), 422, "not-numeric")
    assert "is a timestamp column" in target["detail"]
    weights = client.post("/fit", json={"dataset_id": id_, "target": "y", "weights": "t"})
    assert pointers(refused(weights, 422, "not-numeric")) == ["/weights"]
    descent = client.post(
        "/fit", json={"dataset_id": id_, "target": "y", "features": ["x", "t"], "method": "gradient_descent"}
    )
    assert pointers(refused(descent, 422, "invalid-value")) == ["/features/1"]
    inline: dict[str, Any] = {"X": [[1.0], [2.0], [3.0]], "y": [1.0, 2.0, 4.0]}
    for spec in ({"dataset_id": id_, "target": "y"}, inline):
        assert pointers(refused(client.post("/fit", json=spec | {"per": "day"}), 422, "invalid-value")) == ["/per"]
    model = fit(client, dataset_id=id_, target="y", features=["t"], categorical="one_hot")
    assert (model["categories"], model["timestamps"]) == ({}, ["t"])


def test_times_that_no_double_has_are_refused_by_row_where_a_fit_needs_them(client: httpx.Client) -> None:
    """A valid-to of the year 9999 is kept, and a fit without it is made."""
    id_ = dataset(client, {"t": [*DAYS[:3], "9999-12-31"], "x": [1.0, 2.0, 3.0, 5.0], "y": Y})

    assert fit(client, dataset_id=id_, target="y")["feature_names"] == ["x"]
    spec: dict[str, Any] = {"dataset_id": id_, "target": "y", "features": ["t"]}
    problem = refused(client.post("/fit", json=spec), 422, "timestamp-out-of-range")
    assert (problem["row"], problem["column"], problem["value"]) == (3, "t", "9999-12-31T00:00:00Z")
    assert fit(client, **spec, rows=[0, 3])["n_samples"] == 3


def test_missing_times_are_dropped_or_the_mean_of_the_others(client: httpx.Client) -> None:
    """To the microsecond."""
    id_ = dataset(client, {"t": ["2026-11-01", None, "2026-11-03", "2026-11-06T00:00:00.000001"], "y": Y})  # type: ignore[dict-item]
    spec: dict[str, Any] = {"dataset_id": id_, "target": "y", "features": ["t"]}

    assert refused(client.post("/fit", json=spec), 422, "missing-value")["row"] == 1
    assert fit(client, **spec, missing="drop")["n_dropped"] == 1
    model = fit(client, **spec, missing="mean")
    assert model["imputed"] == {"t": {"value": "2026-11-03T08:00:00Z", "n": 1}}
    assert ok(client.get(f"/models/{model['id']}"), 200) == model


def test_a_fit_is_of_the_rows_between_two_times(client: httpx.Client) -> None:
    """From the first up to but not including the second, found in a sorted column."""
    id_ = dataset(client, {"t": DAYS, "x": [1.0, 2.0, 3.0, 5.0], "y": Y})

    def between(low: object, high: object, column: str = "t") -> httpx.Response:
        bounds = {"column": column, "from": low, "to": high}
        return client.post("/fit", json={"dataset_id": id_, "target": "y", "features": ["x"], "between": bounds})

    assert ok(between("2026-11-27", None))["options"]["rows"] == [1, 4]
    assert ok(between(None, "2026-11-29T00:00:00.000001Z"))["options"]["rows"] == [0, 3]
    assert pointers(refused(between("soon", None), 422, "invalid-value")) == ["/between/from"]
    assert pointers(refused(between(None, 3.0), 422, "invalid-value")) == ["/between/to"]
    assert pointers(refused(between("2026-11-27", None, "x"), 422, "invalid-value")) == ["/between/from"]
    assert pointers(refused(between(True, None), 422, "invalid-fields")) == ["/between/from"]


def left(client: httpx.Client, op: str, value: str | None) -> list[str]:
    """The times whose rows stay when those go for which the condition holds."""
    url = f"/datasets/{dataset(client, {'t': DAYS, 'y': Y})}/rows"
    params = {"column": "t", "op": op} | ({} if value is None else {"value": value})
    n_samples = ok(client.delete(url, params=params), 200)["n_samples"]
    found: list[str] = ok(client.get(url), 200)["columns"]["t"]
    assert len(found) == n_samples
    return found


@pytest.mark.parametrize(("op", "value", "expected"), [
    ("lt", "2026-11-27", OUT[1:]), ("le", "2026-11-27", OUT[2:]), (">", "2026-11-28T12:00:00", OUT[:3]), ("ge", "2026-11-28T13:00:00+01:00", OUT[:2]),
    ("eq", "2026-11-29T00:00:00.000001Z", OUT[:3]), ("eq", "2026-11-29", OUT), ("ne", "2026-11-27", OUT[1:2]), ("missing", None, OUT),
    ("gt", "9999-12-31", OUT),
])  # fmt: skip
def test_rows_are_taken_away_by_their_times(client: httpx.Client, op: str, value: str | None, expected: list[str]) -> None:
    """Exactly, to the microsecond; a time is written as in a CSV."""
    assert left(client, op, value) == expected


def test_a_condition_on_times_needs_a_time(client: httpx.Client) -> None:
    """A number is none, and no year alone."""
    id_ = dataset(client, {"t": DAYS, "y": Y})
    for value in ("2026", "soon", ""):
        answer = client.delete(f"/datasets/{id_}/rows", params={"column": "t", "op": "lt", "value": value})
        assert "is not a date or a time" in refused(answer, 422, "invalid-value")["detail"]


def test_what_is_left_has_the_extremes_of_its_own_times(client: httpx.Client) -> None:
    """As if the others had never come."""
    id_ = dataset(client, {"t": DAYS, "y": Y})
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"t": ["2026-12-24", None], "y": [1.0, 2.0]}}))
    ok(client.delete(f"/datasets/{id_}/rows", params={"column": "t", "op": "lt", "value": "2026-11-28"}), 200)

    column = ok(client.get(f"/datasets/{id_}"), 200)["columns"][0]
    assert (column["min"], column["max"], column["n_missing"]) == (OUT[2], "2026-12-24T00:00:00Z", 1)


@pytest.mark.parametrize(("span", "n_samples"), [(86_400.0, 1), (86_400.000001, 2), (0.5, 1), (1e300, 4)])
def test_a_window_over_times_has_a_span_of_seconds(client: httpx.Client, span: float, n_samples: int) -> None:
    """A row on its edge leaves, to the microsecond."""
    days = ["2026-11-27", "2026-11-28T00:00:00", "2026-11-28", "2026-11-29"]
    made = ok(client.post("/datasets", json={"columns": {"t": days, "y": Y}, "window": {"column": "t", "span": span}}))
    assert made["n_samples"] == {1: 1, 2: 3, 4: 4}[n_samples]

    appended = ok(client.post(f"/datasets/{made['id']}/rows", json={"columns": {"t": ["2026-12-24"], "y": [1.0]}}))
    assert appended["n_samples"] == (5 if span > 1e9 else 1)
    missing = client.post(f"/datasets/{made['id']}/rows", json={"columns": {"t": [None], "y": [1.0]}})
    assert refused(missing, 422, "missing-value")["row"] == 0


UNITS = {"second": 1, "hour": 3600, "day": 86_400, "week": 604_800, "year": 31_556_952}


def line(t: list[int], y: list[float]) -> tuple[Fraction, Fraction]:
    """The intercept and the slope by microseconds, in fractions."""
    n, values = len(t), [Fraction(value) for value in y]
    mean_t, mean_y = Fraction(sum(t), n), sum(values, Fraction(0)) / n
    products = sum(((a - mean_t) * (b - mean_y) for a, b in zip(t, values, strict=True)), Fraction(0))
    slope = products / sum(((a - mean_t) ** 2 for a in t), Fraction(0))
    return mean_y - slope * mean_t, slope


@pytest.mark.parametrize("per", [None, *UNITS])
def test_a_slope_is_that_of_the_unit_exactly(client: httpx.Client, per: str | None) -> None:
    """As of fractions, rounded once; a day unless said, and a year of 365.2425 days. The intercept stays at 1970."""
    id_ = dataset(client, {"t": DAYS, "y": Y})
    model = fit(client, dataset_id=id_, target="y", features=["t"], per=per)

    intercept, slope = line([microseconds(day) for day in DAYS], Y)
    per_unit = float(slope * UNITS[per or "day"] * 10**6)
    assert (model["intercept"], model["coef"]) == (float(intercept), [per_unit])
    constant, row = model["inference"]
    assert (constant["estimate"], row["estimate"]) == (float(intercept), per_unit)
    assert row["ci_lower"] < per_unit < row["ci_upper"]
    assert row["t_value"] == per_unit / row["std_error"]
    assert model["options"]["per"] == (per or "day")


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
def test_the_same_rows_have_the_same_fit_by_every_form(client: httpx.Client, numbers: str) -> None:
    """Whatever they came as, and however numbers are read: the same bits."""
    models = []
    for form in FORMS:
        sent = of_form(form)
        if form == "json":
            id_ = dataset(client, {"t": DAYS, "y": Y}, numbers=numbers)
        else:
            answer = client.post("/datasets", params={"numbers": numbers}, content=sent["content"], headers=sent["headers"])
            id_ = ok(answer)["id"]
        model = fit(client, dataset_id=id_, target="y", features=["t"], degree=2)
        models.append({name: model[name] for name in ("intercept", "coef", "inference", "metrics", "supported_digits")})

    assert all(model == models[0] for model in models)
    assert models[0]["supported_digits"] > 0


def test_robust_errors_are_by_the_unit_too(client: httpx.Client) -> None:
    """Those of days as numbers, to 12 digits."""
    days = [*DAYS, "2026-12-24", "2026-12-31"]
    t = [microseconds(day) / (86_400 * 10**6) for day in days]
    y = [*Y, 20.0, 17.0]
    spec = {"target": "y", "features": ["t"], "cov_type": "HC3"}
    by_times = fit(client, dataset_id=dataset(client, {"t": days, "y": y}), **spec)
    by_days = fit(client, dataset_id=dataset(client, {"t": t, "y": y}), **spec)

    for name in ("estimate", "std_error", "p_value", "ci_lower"):
        assert by_times["inference"][1][name] == pytest.approx(by_days["inference"][1][name], rel=1e-10)


def test_times_stand_beside_categories_and_in_powers(client: httpx.Client) -> None:
    """Each coefficient by the power of the unit that its term has."""
    spec = {"target": "y", "degree": 2, "features": ["t", "city"], "categorical": "one_hot", "rank_deficient": "allow"}
    columns: Any = {
        "t": [f"2026-11-{day:02d}" for day in range(1, 9)],
        "city": ["a", "b"] * 4,
        "y": [1.0, 4.0, 2.5, 7.0, 3.0, 9.5, 7.0, 11.0],
    }
    id_ = dataset(client, columns)
    per_day, per_week = fit(client, dataset_id=id_, **spec), fit(client, dataset_id=id_, per="week", **spec)

    assert per_day["terms"] == ["t", "city=b", "t^2"]
    day, week = per_day["coef"], per_week["coef"]
    assert week == pytest.approx([7 * day[0], day[1], 49 * day[2]], rel=1e-15)
    rows = {"t": ["2026-12-01"], "city": ["b"]}
    params = {"model_id": per_day["id"], "t": "2026-12-01", "city": "b"}
    assert ok(client.get("/predict", params=params), 200) == ok(predict(client, per_day, rows), 200)
    assert refused(client.get("/predict", params=params | {"t": "soon"}), 422, "wrong-type")["column"] == "t"
    assert ok(predict(client, per_day, rows), 200)["predictions"] == ok(predict(client, per_week, rows), 200)["predictions"]


LATER = ["2026-12-01", "2026-12-08T06:00:00Z", "2026-12-15", "2026-12-31"]


def test_a_model_says_between_which_times_it_was_fitted(client: httpx.Client) -> None:
    """As text, like the others; and an imputed one among them."""
    model = fit(
        client, dataset_id=dataset(client, {"t": DAYS, "x": [3.0, 1.0, 2.0, 9.0], "y": Y}), target="y", features=["t", "x"]
    )

    assert model["ranges"] == {"t": [OUT[0], OUT[-1]], "x": [1.0, 9.0]}


def test_hypotheses_are_of_coefficients_as_they_are_read(client: httpx.Client) -> None:
    """That the slope is half a unit a day, in days; and in weeks three and a half."""
    id_ = dataset(client, {"t": [*DAYS, *LATER], "y": [*Y, 2.0, 9.0, 11.0, 20.0]})
    found = []
    for per, days in (("day", 1.0), ("week", 7.0)):
        model = fit(client, dataset_id=id_, target="y", features=["t"], per=per)
        hypothesis = {"terms": {"t": 1.0}, "equals": 0.5 * days}
        tested = ok(client.post(f"/models/{model['id']}/test", json={"hypotheses": [hypothesis]}), 200)
        (one,) = tested["hypotheses"]
        row = model["inference"][1]
        assert (one["estimate"], one["std_error"]) == (row["estimate"], row["std_error"])
        found.append((tested["f_statistic"], tested["p_value"]))

    assert found[0] == found[1]


def test_lines_over_time_cross_at_a_time(client: httpx.Client) -> None:
    """Two lines that cross at noon of 28 November, but for their noise; slopes differ by the day."""
    rising, falling = [-1.5, -0.5, 1.0, 1.5], [1.5, 0.5, -0.5, -2.0]
    models = [
        fit(client, dataset_id=dataset(client, {"t": days, "y": y}), target="y", features=["t"])
        for days, y in ((DAYS, rising), ([day.replace(":00", ":30") for day in DAYS], falling))
    ]

    compared = ok(client.post("/compare", json={"models": [model["id"] for model in models]}), 200)

    slopes = [model["coef"][0] for model in models]
    assert compared["differences"][1]["estimate"] == pytest.approx(slopes[1] - slopes[0], rel=1e-14)
    crossing = compared["crossing"]
    assert crossing["lower"] < crossing["x"] < crossing["upper"]
    predictions = [ok(predict(client, model, {"t": [crossing["x"]]}), 200)["predictions"][0] for model in models]
    assert predictions[0] == pytest.approx(predictions[1], abs=1e-9)


def test_rows_of_one_time_can_belong_together(client: httpx.Client) -> None:
    """A column of timestamps says which rows are a cluster, as one of numbers does."""
    days = [DAYS[0], DAYS[0], DAYS[1], DAYS[1], *LATER]
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], [*Y, 2.0, 9.0, 11.0, 20.0]
    spec = {"target": "y", "features": ["x"], "cov_type": "cluster"}
    id_ = dataset(client, {"t": days, "n": [microseconds(day) for day in days], "x": x, "y": y})
    by_time, by_number = (fit(client, dataset_id=id_, cluster=column, **spec) for column in ("t", "n"))

    assert by_time["n_clusters"] == 6
    assert by_time["inference"] == by_number["inference"]


def invert(client: httpx.Client, model: dict[str, Any], *y: float, **options: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(client.post(f"/models/{model['id']}/invert", json={"y": list(y), **options}), 200)[
        "items"
    ]
    return found


def test_when_the_disk_is_full_is_a_date_with_an_interval(client: httpx.Client) -> None:
    """Daily usage: a gigabyte a day and some noise. At 500 GB; the fitted line has that value there, to the microsecond."""
    days = [f"2026-{month:02d}-{day:02d}" for month in (9, 10, 11) for day in range(1, 29)]
    start = microseconds(days[0])
    used = [400.0 + (microseconds(day) - start) / 86_400e6 + (-1.0) ** i * (i % 5) / 4 for i, day in enumerate(days)]
    model = fit(client, dataset_id=dataset(client, {"day": days, "used": used}), target="used", features=["day"])

    (full,) = invert(client, model, 500.0, interval="confidence")

    assert full["x"][:10] == "2026-12-10"
    assert "2026-12-09" < full["lower"] < full["x"] < full["upper"] < "2026-12-11"
    assert (full["estimates"], full["regions"]) == ([full["x"]], [[full["lower"], full["upper"]]])
    assert (full["kind"], full["extrapolation"], full["reason"]) == ("interval", True, None)
    assert ok(predict(client, model, {"day": [full["x"]]}), 200)["predictions"] == [pytest.approx(500.0, abs=1e-9)]
    (wider,) = invert(client, model, 500.0)
    assert wider["lower"] < full["lower"] < full["upper"] < wider["upper"]


def test_times_are_those_of_their_microseconds_rounded(client: httpx.Client) -> None:
    """The same question of the model of these as numbers."""
    by_times, by_numbers = lines(client)
    model, other = (fit(client, dataset_id=id_, target="y", features=["t"]) for id_ in (by_times, by_numbers))

    for one, number in zip(invert(client, model, 3.0, 100.0), invert(client, other, 3.0, 100.0), strict=True):
        for name in ("x", "lower", "upper"):
            assert one[name] == (None if number[name] is None else iso(round(number[name])))
        assert one["extrapolation"] == number["extrapolation"]


def test_what_lies_in_no_year_that_is_written_is_null_with_the_reason(client: httpx.Client) -> None:
    """A slope of a millionth a day reaches a million in the year 2.7 million."""
    y = [1.0, 1.000001, 1.0000025, 1.000003]
    model = fit(client, dataset_id=dataset(client, {"t": DAYS, "y": y}), target="y", features=["t"])

    (far,) = invert(client, model, 1e6)

    assert (far["x"], far["estimates"]) == (None, [])
    assert "after 9999" in far["reason"]


def test_a_wide_fit_has_slopes_by_the_unit_too(client: httpx.Client) -> None:
    """Of more columns than are solved in the service's own process."""
    rng = np.random.default_rng(1)
    columns: Any = {f"x{j}": rng.normal(size=40).round(3).tolist() for j in range(26)}
    columns |= {
        "t": [f"2026-{1 + i % 12:02d}-{1 + i // 2:02d}" for i in range(40)],
        "y": rng.normal(size=40).round(2).tolist(),
    }
    id_ = dataset(client, columns)
    features = [*columns][:-1]
    day, second = (fit(client, dataset_id=id_, target="y", features=features, per=per)["coef"] for per in ("day", "second"))

    assert day[:-1] == second[:-1]
    assert day[-1] == pytest.approx(86_400 * second[-1], rel=1e-15)


def test_what_appended_rows_changed_is_of_the_slope_as_it_is_read(client: httpx.Client) -> None:
    """By the unit of the model."""
    id_ = dataset(client, {"t": DAYS, "y": Y})
    before = fit(client, dataset_id=id_, target="y", features=["t"], per="week")
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"t": LATER, "y": [2.0, 9.0, 11.0, 20.0]}}))
    after = fit(client, dataset_id=id_, target="y", features=["t"], per="week")

    found = ok(client.get(f"/models/{after['id']}/changes"), 200)

    assert [block["coef"]["t"] for block in found["blocks"]] == [*before["coef"], *after["coef"]]
    assert found["total"]["t"] == pytest.approx(after["coef"][0] - before["coef"][0], rel=1e-12)
