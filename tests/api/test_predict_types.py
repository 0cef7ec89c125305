"""What a model's features are, text, booleans or numbers, its predictions take from the model and never from the rows."""

from typing import Any

import httpx
import pyarrow as pa
import pytest

from tests.api.made import ARROW, CSV, FORMS, Columns, dataset, fit, ok, pointers, refused

ZIPS = {"01": 10.0, "1": 20.0, "1e3": 30.0, "1000": 40.0, "A": 50.0, "12345678901234567892": 60.0}
FLAGS = {"TRUE": 1.0, "FALSE": 2.0, "unknown": 4.0}


def of_categories(client: httpx.Client, name: str, means: dict[str, float]) -> str:
    """A model whose prediction for a category is its mean."""
    columns: Columns = {name: list(means) * 2, "y": [mean + e for e in (-0.5, 0.5) for mean in means.values()]}
    id_: str = fit(client, dataset_id=dataset(client, columns), target="y", categorical="one_hot")["id"]
    return id_


@pytest.fixture
def zips(client: httpx.Client) -> str:
    """A model of text that looks like numbers."""
    return of_categories(client, "zip", ZIPS)


@pytest.fixture
def booleans(client: httpx.Client) -> str:
    """A model: y = 1 + 4 flag, exactly."""
    id_ = dataset(client, {"flag": [True, False, True, False], "y": [5.0, 1.0, 5.0, 1.0]})
    model_id: str = fit(client, dataset_id=id_, target="y", categorical="one_hot")["id"]
    return model_id


def by_csv(client: httpx.Client, model_id: str, *lines: str, **options: str) -> httpx.Response:
    return client.post(
        "/predict", params={"model_id": model_id, **options}, content="\n".join(lines), headers={"Content-Type": CSV}
    )


def by_arrow(client: httpx.Client, model_id: str, table: pa.Table, **options: str) -> httpx.Response:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body = sink.getvalue().to_pybytes()
    return client.post("/predict", params={"model_id": model_id, **options}, content=body, headers={"Content-Type": ARROW})


@pytest.mark.parametrize("rows", [["01", "1"], ["1e3"], ["1000", "1e3"], ["12345678901234567892"], list(ZIPS)], ids=",".join)
def test_text_is_read_as_it_is_written_whatever_it_looks_like(client: httpx.Client, zips: str, rows: list[str]) -> None:
    """A postcode 01 is not the number 1, in a CSV or in an address: the model knows that its feature is text."""
    expected = [pytest.approx(ZIPS[row], rel=1e-13) for row in rows]

    assert ok(by_csv(client, zips, "zip", *rows), 200)["predictions"] == expected
    assert ok(client.post("/predict", json={"model_id": zips, "columns": {"zip": rows}}), 200)["predictions"] == expected
    for row, mean in zip(rows, expected, strict=True):
        assert ok(client.get("/predict", params={"model_id": zips, "zip": row}), 200)["predictions"] == [mean]


@pytest.mark.parametrize("rows", [["TRUE", "FALSE"], ["FALSE", "unknown"]], ids=",".join)
def test_text_that_looks_like_a_boolean_is_text(client: httpx.Client, rows: list[str]) -> None:
    """The categories TRUE, FALSE and unknown are found in rows that have the first two alone."""
    model_id = of_categories(client, "f", FLAGS)

    assert ok(by_csv(client, model_id, "f", *rows), 200)["predictions"] == pytest.approx([FLAGS[row] for row in rows])


@pytest.mark.parametrize("on_unseen", ["error", "baseline"])
def test_a_category_is_unseen_as_it_is_written(client: httpx.Client, zips: str, on_unseen: str) -> None:
    """`001` is none that the model knows; asked to, it is the baseline."""
    answer = by_csv(client, zips, "zip", "1", "001", on_unseen=on_unseen)

    if on_unseen == "baseline":
        assert ok(answer, 200)["predictions"] == pytest.approx([20.0, 10.0])
    else:
        problem = refused(answer, 422, "unseen-category")
        assert (problem["row"], problem["column"], problem["value"]) == (1, "zip", "001")


@pytest.mark.parametrize("on_unseen", ["error", "baseline"])
def test_numbers_and_booleans_are_no_text(client: httpx.Client, zips: str, on_unseen: str) -> None:
    """The number 1 has lost what was written, so it is not the category "1", whatever becomes of unseen ones."""
    for cells, value, got in (([None, 1], "1", "number"), ([True], "true", "boolean")):
        sent = {"model_id": zips, "columns": {"zip": cells}, "on_unseen": on_unseen}
        row = len(cells) - 1

        by_json = refused(client.post("/predict", json=sent), 422, "types-differ")
        in_arrow = refused(by_arrow(client, zips, pa.table({"zip": cells}), on_unseen=on_unseen), 422, "types-differ")

        assert pointers(by_json) == [f"/columns/zip/{row}"]
        for problem in (by_json, in_arrow):
            assert (problem["row"], problem["column"], problem["value"]) == (row, "zip", value)
            assert (problem["expected"], problem["got"]) == ("text", got)


@pytest.mark.parametrize("spelling", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_a_boolean_is_spelt_as_at_upload(client: httpx.Client, booleans: str, spelling: str) -> None:
    """In a CSV and in an address."""
    expected = [5.0 if spelling.lower() == "true" else 1.0]

    assert ok(by_csv(client, booleans, "flag", spelling), 200)["predictions"] == expected
    assert ok(client.get("/predict", params={"model_id": booleans, "flag": spelling}), 200)["predictions"] == expected


@pytest.mark.parametrize("form", FORMS)
def test_booleans_are_booleans_in_every_form(client: httpx.Client, booleans: str, form: str) -> None:
    """JSON's true and false, CSV's, and Arrow's bool."""
    columns = {"flag": [True, False]}
    if form == "json":
        answer = client.post("/predict", json={"model_id": booleans, "columns": columns})
    else:
        answer = client.post("/predict", params={"model_id": booleans}, **FORMS[form](columns))

    assert ok(answer, 200)["predictions"] == [5.0, 1.0]


@pytest.mark.parametrize("on_unseen", ["error", "baseline"])
@pytest.mark.parametrize("value", ["1", "yes", "tRUE", "", " true"])
def test_a_misspelt_boolean_is_not_false_in_text(client: httpx.Client, booleans: str, value: str, on_unseen: str) -> None:
    """It is refused whatever becomes of unseen categories: by row, column and value in a CSV, by parameter in an address."""
    query = {"model_id": booleans, "flag": value, "on_unseen": on_unseen}
    problem = refused(client.get("/predict", params=query), 422, "wrong-type")
    assert problem["errors"] == [{"parameter": "flag", "detail": f"flag: {value!r} is not true or false"}]

    if value:  # an empty cell is a missing one
        problem = refused(by_csv(client, booleans, "flag", "TRUE", value, on_unseen=on_unseen), 422, "wrong-type")
        assert (problem["row"], problem["column"], problem["value"]) == (1, "flag", value)


@pytest.mark.parametrize("on_unseen", ["error", "baseline"])
@pytest.mark.parametrize(
    ("cells", "got", "value"),
    [([1, 0], "number", "1"), ([None, 0.5], "number", "0.5"), (["True"], "text", "True"), (["true"], "text", "true")],
    ids=str,
)
def test_numbers_and_text_are_no_booleans(
    client: httpx.Client, booleans: str, cells: list[Any], got: str, value: str, on_unseen: str
) -> None:
    """In JSON and Arrow, which have types of their own; an int8 of 1 is no true."""
    sent = {"model_id": booleans, "columns": {"flag": cells}, "on_unseen": on_unseen}
    row = len(cells) - 1 if cells[0] is None else 0
    flags = pa.array(cells, pa.int8()) if cells == [1, 0] else pa.array(cells)

    by_json = refused(client.post("/predict", json=sent), 422, "types-differ")
    in_arrow = refused(by_arrow(client, booleans, pa.table({"flag": flags}), on_unseen=on_unseen), 422, "types-differ")

    assert pointers(by_json) == [f"/columns/flag/{row}"]
    for problem in (by_json, in_arrow):
        assert (problem["row"], problem["column"], problem["value"]) == (row, "flag", value)
        assert (problem["expected"], problem["got"]) == ("boolean", got)


def test_a_column_whose_cells_are_all_missing_is_of_any_type(client: httpx.Client, booleans: str, zips: str) -> None:
    """What is missing is said to be."""
    for model_id, name in ((booleans, "flag"), (zips, "zip")):
        problem = refused(
            client.post("/predict", json={"model_id": model_id, "columns": {name: [None]}}), 422, "missing-value"
        )
        assert (problem["row"], problem["column"]) == (0, name)
