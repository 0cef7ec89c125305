"""Missing cells: refused, their rows left out, or filled with the mean, and counted in the answer."""

import io
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest
from flint import fmpq

from tests.api.exact import exact_fit, read, said
from tests.api.expanded import Cell, expanded, means_of
from tests.api.made import ARROW, CSV, JSON, Sent, fit, ok, refused
from tests.api.test_terms import ROWS, body

Holed = Mapping[str, Sequence[Cell]]
FEATURES = ["a", "b"]
MISSING = {"a": [2, 11], "b": [11, 12, 20]}
HOLED: Holed = {
    name: [None if i in MISSING.get(name, []) else value for i, value in enumerate(ROWS[name])] for name in ("a", "b", "y")
}
COMPLETE = [i for i in range(len(HOLED["y"])) if i not in {2, 11, 12, 20}]


def as_json(columns: Holed) -> Sent:
    return {"content": orjson.dumps({"columns": dict(columns)}), "headers": {"Content-Type": JSON}}


def as_csv(columns: Holed) -> Sent:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join("" if cell is None else str(cell) for cell in row) for row in rows)]
    return {"content": "\n".join(lines).encode(), "headers": {"Content-Type": CSV}}


def as_arrow(columns: Holed) -> Sent:
    table, sink = pa.table({name: pa.array(list[Any](values)) for name, values in columns.items()}), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, 7)
    return {"content": sink.getvalue(), "headers": {"Content-Type": ARROW}}


FORMS = {"json": as_json, "csv": as_csv, "arrow": as_arrow}


def dataset(
    client: httpx.Client, columns: Holed = HOLED, form: Callable[[Holed], Sent] = as_csv, numbers: str = "float64"
) -> str:
    sent = form(columns)
    if form is as_json:
        sent["content"] = orjson.dumps({"columns": dict(columns), "numbers": numbers})
        id_: str = ok(client.post("/datasets", **sent))["id"]
    else:
        id_ = ok(client.post("/datasets", params={"numbers": numbers}, **sent))["id"]
    return id_


def filled(numbers: str) -> dict[str, list[float]]:
    """The columns with the mean of each in its gaps."""
    found: dict[str, list[float]] = {}
    for name, values in HOLED.items():
        there = [value if isinstance(value, float) else None for value in values]
        mean = means_of(there, numbers)
        found[name] = [mean if value is None else value for value in there]
    return found


def exact(columns: Mapping[str, Sequence[float]], numbers: str, **options: Any) -> dict[str, Any]:
    y = [read(value, numbers) for value in columns["y"]]
    return exact_fit(expanded(columns, FEATURES, numbers, **options), y).figures()


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{}, {"degree": 2, "interactions": True}], ids=["columns", "products"])
def test_rows_with_missing_cells_are_left_out_and_counted(
    client: httpx.Client, form: str, numbers: str, options: dict[str, Any]
) -> None:
    """JSON's null, CSV's empty cell and Arrow's null are one thing; the fit is that of the complete rows."""
    id_ = dataset(client, form=FORMS[form], numbers=numbers)

    model = fit(client, dataset_id=id_, target="y", missing="drop", **options)

    complete = {name: [ROWS[name][i] for i in COMPLETE] for name in HOLED}
    assert said(model) == exact(complete, numbers, **options)
    assert (model["n_dropped"], model["imputed"]) == (4, {})


@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{}, {"degree": 2, "interactions": True}], ids=["columns", "products"])
def test_missing_cells_are_filled_with_the_mean_and_counted(
    client: httpx.Client, form: str, numbers: str, options: dict[str, Any]
) -> None:
    """The exact mean of the cells that are there, rounded once as the data are read; the answer says what it is."""
    id_ = dataset(client, form=FORMS[form], numbers=numbers)

    model = fit(client, dataset_id=id_, target="y", missing="mean", **options)

    columns = filled(numbers)
    assert said(model) == exact(columns, numbers, **options)
    assert model["imputed"] == {name: {"value": columns[name][gaps[0]], "n": len(gaps)} for name, gaps in MISSING.items()}
    assert model["n_dropped"] == 0


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_rows_sent_along_are_treated_alike(client: httpx.Client, missing: str) -> None:
    """A null in X is a missing cell too: the same model as from a data set."""
    X = [list(row) for row in zip(HOLED["a"], HOLED["b"], strict=True)]

    sent_along = fit(client, X=X, y=HOLED["y"], feature_names=FEATURES, missing=missing)

    assert body(sent_along) == body(fit(client, dataset_id=dataset(client), target="y", missing=missing))


def test_a_missing_cell_is_refused_unless_asked(client: httpx.Client) -> None:
    """By default, with the first row of the first column that has one; columns that are not used may lack what they like."""
    id_ = dataset(client)

    problem = refused(client.post("/fit", json={"dataset_id": id_, "target": "y"}), 422, "missing-value")

    assert (problem["row"], problem["column"], problem["errors"][0]["pointer"]) == (2, "a", "/missing")
    problem = refused(client.post("/fit", json={"dataset_id": id_, "target": "y", "features": ["b"]}), 422, "missing-value")
    assert (problem["row"], problem["column"]) == (11, "b")
    used = dataset(client, {**HOLED, "whole": ROWS["c"]})
    assert fit(client, dataset_id=used, target="y", features=["whole"])["n_samples"] == len(ROWS["y"])
    X = [[1.0], [None], [2.0]]
    problem = refused(client.post("/fit", json={"X": X, "y": [1.0, 2.0, 3.0]}), 422, "missing-value")
    assert (problem["row"], problem["errors"][0]["pointer"]) == (1, "/X/1/0")


def test_rows_of_a_range_alone_are_asked_for_their_cells(client: httpx.Client) -> None:
    """Rows that are not fitted may have gaps; rows are counted from the first of the data set."""
    id_ = dataset(client)

    assert fit(client, dataset_id=id_, target="y", rows=[3, 11])["n_samples"] == 8
    asked = {"dataset_id": id_, "target": "y", "rows": [3, 14]}
    assert refused(client.post("/fit", json=asked), 422, "missing-value")["row"] == 11
    assert fit(client, **asked, missing="drop")["n_dropped"] == 2


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_a_gap_in_target_or_weights_is_never_filled(client: httpx.Client, missing: str) -> None:
    """Such a row is left out by "drop", and an error by "mean": what is to be explained is not made up."""
    weights = [None if i == 7 else 1.0 + i % 2 for i in range(len(ROWS["y"]))]
    target = [None if i == 5 else value for i, value in enumerate(ROWS["y"])]
    id_ = dataset(client, {"a": ROWS["a"], "b": ROWS["b"], "w": weights, "y": target})
    asked = {"dataset_id": id_, "target": "y", "weights": "w", "missing": missing}

    if missing == "mean":
        problem = refused(client.post("/fit", json=asked, headers={"Prefer": "wait=30"}), 422, "missing-value")
        assert (problem["row"], problem["column"]) in [(5, "y"), (7, "w")]
        return
    kept = [i for i in range(len(weights)) if i not in (5, 7)]
    columns = {name: [ROWS[name][i] for i in kept] for name in ("a", "b", "y")}
    y = [read(value, "float64") for value in columns["y"]]
    w = [fmpq(int(weights[i] or 0)) for i in kept]
    model = fit(client, **asked)
    assert said(model) == exact_fit(expanded(columns, FEATURES), y, weights=w).figures()
    assert model["n_dropped"] == 2


def test_a_column_of_gaps_alone_leaves_no_row(client: httpx.Client) -> None:
    """Nothing is left to fit, and the problem says so."""
    id_ = dataset(client, {"a": [None, None, None], "y": [1.0, 2.0, 3.0]}, as_json)

    answer = client.post("/fit", json={"dataset_id": id_, "target": "y", "missing": "drop"}, headers={"Prefer": "wait=30"})

    refused(answer, 422, "too-few-rows")


def test_a_prediction_needs_every_cell(client: httpx.Client) -> None:
    """Whatever the fit did with its gaps: a missing value is an error that names row and column, in each form."""
    model_id = fit(client, dataset_id=dataset(client), target="y", missing="mean")["id"]
    rows: Holed = {"a": [1.0, 2.0, 3.0], "b": [1.0, None, 3.0]}

    problem = refused(client.post("/predict", json={"model_id": model_id, "columns": rows}), 422, "missing-value")
    assert (problem["row"], problem["column"], problem["errors"][0]["pointer"]) == (1, "b", "/columns/b/1")
    X = [list(row) for row in zip(*rows.values(), strict=True)]
    problem = refused(client.post("/predict", json={"model_id": model_id, "X": X}), 422, "missing-value")
    assert (problem["row"], problem["column"], problem["errors"][0]["pointer"]) == (1, "b", "/X/1/1")
    for form in (as_csv, as_arrow):
        problem = refused(client.post("/predict", params={"model_id": model_id}, **form(rows)), 422, "missing-value")
        assert (problem["row"], problem["column"]) == (1, "b")


def test_a_column_without_any_value_has_no_mean(client: httpx.Client) -> None:
    """Nothing is invented for it."""
    X = [[1.0, None], [2.0, None], [4.0, None]]

    refused(client.post("/fit", json={"X": X, "y": [1.0, 2.0, 3.0], "missing": "mean"}), 422, "missing-value")


def test_the_mean_of_decimals_is_rounded_once(client: httpx.Client) -> None:
    """From the exact one to 15 digits, not by way of a double."""
    x = [1.00000000000001, 1.00000000000002, 1.00000000000002, None, 1.00000000000001, 1.00000000000004, 1.00000000000003]
    total = sum((Decimal(repr(value)) for value in x if value is not None), Decimal(0))

    model = fit(client, X=[[value] for value in x], y=[1.0, 2.0, 4.0, 3.0, 5.0, 7.0, 6.0], missing="mean", numbers="decimal")

    assert Decimal(repr(model["imputed"]["x"]["value"])) == Context(prec=15).divide(total, Decimal(6))
