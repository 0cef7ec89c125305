"""Data sets: taken in by any form, described, listed, deleted."""

import math
import statistics
from typing import Any

import httpx
import pytest

from tests.api.made import (
    ARROW,
    CSV,
    FORMS,
    JSON,
    LINE,
    Columns,
    as_arrow,
    as_csv,
    dataset,
    endless,
    fit,
    many_rows,
    ok,
    pointers,
    refused,
)

TYPED: Columns = {"beds": [1.0, 2.0, 4.0], "city": ["Rome", "Oslo", "Bern"], "sold": [True, False, True]}


@pytest.mark.parametrize("form", FORMS)
def test_a_data_set_is_taken_in_as_json_csv_or_arrow(client: httpx.Client, form: str) -> None:
    """Three forms, one answer: the columns with their types, and a Location that shows the same."""
    answer = client.post("/datasets", **FORMS[form](TYPED))

    made = ok(answer)
    assert [(column["name"], column["type"]) for column in made["columns"]] == [
        ("beds", "number"), ("city", "text"), ("sold", "boolean")
    ]  # fmt: skip
    assert (made["version"], made["n_samples"], made["numbers"]) == (1, 3, "float64")
    assert ok(client.get(answer.headers["location"]), 200) == made


def test_columns_are_described_by_their_exact_figures(client: httpx.Client) -> None:
    """Mean and standard deviation (by n - 1) are the exact ones, rounded once; text has none."""
    values = [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.4]

    beds, city = ok(client.post("/datasets", json={"columns": {"beds": values, "city": ["a", "b", "c"]}}))["columns"]

    assert beds["mean"] == statistics.mean(values)
    assert beds["std"] == pytest.approx(math.sqrt(statistics.variance(values)), rel=1e-15)
    assert (beds["min"], beds["max"], beds["n_missing"]) == (values[0], values[2], 0)
    assert (city["mean"], city["std"], city["min"], city["max"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"columns": LINE}, ["x", "price"]),
        ({"X": [[1.0], [2.0]], "y": [3.0, 4.0]}, ["x", "y"]),
        ({"X": [[1.0, 5.0], [2.0, 6.0]], "y": [3.0, 4.0]}, ["x1", "x2", "y"]),
        ({"X": [[1.0, 5.0], [2.0, 6.0]], "y": [3.0, 4.0], "feature_names": ["a", "b"], "target_name": "c"}, ["a", "b", "c"]),
        ({"sample": {"n_samples": 5, "slope": 2.0}}, ["x", "y"]),
    ],
    ids=["columns", "one feature", "several features", "named", "sample"],
)
def test_json_comes_in_three_forms(client: httpx.Client, body: dict[str, Any], names: list[str]) -> None:
    """By column, as X and y, or as a line to be generated; without names features are x, or x1, x2, …, the target y."""
    made = ok(client.post("/datasets", json=body))

    assert [column["name"] for column in made["columns"]] == names


def test_a_sample_is_the_line_asked_for_and_the_same_for_the_same_seed(client: httpx.Client) -> None:
    """Of x uniform on [0, 1); without noise y is exactly on the line; a seed gives the same rows again."""
    line = {"n_samples": 50, "slope": 3.0, "intercept": 0.5, "random_state": 7}

    one, two = (ok(client.post("/datasets", json={"sample": line})) for _ in range(2))
    rows, again = (ok(client.get(f"/datasets/{made['id']}/rows"), 200)["columns"] for made in (one, two))

    assert rows == again
    assert all(0 <= x < 1 for x in rows["x"])
    assert rows["y"] == [3.0 * x + 0.5 for x in rows["x"]]


def test_name_and_reading_are_fields_in_json_and_parameters_otherwise(client: httpx.Client) -> None:
    """`name` and `numbers` stand beside the rows in JSON; CSV and Arrow have no place for them but the query."""
    said = {"name": "prices", "numbers": "decimal"}
    by_json = ok(client.post("/datasets", json={"columns": LINE, **said}))
    by_csv = ok(client.post("/datasets", params=said, **as_csv(LINE)))

    assert (by_json["name"], by_json["numbers"]) == (by_csv["name"], by_csv["numbers"]) == ("prices", "decimal")
    both = refused(client.post("/datasets", params=said, json={"columns": LINE}), 422, "invalid-value")
    assert "put them into the body" in both["detail"]


def test_decimal_means_the_decimals_that_were_written(client: httpx.Client) -> None:
    """With `numbers: "decimal"` 0.1 is one tenth: ten of them have the mean one tenth and no deviation at all."""
    column, _ = ok(client.post("/datasets", json={"columns": {"x": [0.1, 0.2, 0.3], "y": [1, 2, 3]}, "numbers": "decimal"}))[
        "columns"
    ]

    assert (column["mean"], column["std"]) == (0.2, 0.1)


def test_a_stream_may_come_in_any_pieces(client: httpx.Client) -> None:
    """CSV and Arrow are read while they arrive, wherever the network cuts them."""
    for sent in (as_csv(TYPED), as_arrow(TYPED, max_chunksize=1)):
        whole = sent["content"]
        pieces = (whole[i : i + 7] for i in range(0, len(whole), 7))

        made = ok(client.post("/datasets", content=pieces, headers=sent["headers"]))

        assert made["n_samples"] == 3


def test_lists_are_newest_first_and_paged(client: httpx.Client) -> None:
    """`limit` items a page; `next` and the Link header lead to the next one; the last has neither."""
    made = [dataset(client, name=f"listed {i}") for i in range(5)]

    page = client.get("/datasets", params={"limit": 3})
    first = ok(page, 200)
    second = ok(client.get(page.links["next"]["url"]), 200)

    assert [item["id"] for item in first["items"]] == made[:1:-1]
    assert page.links["next"]["url"] == f"/datasets?limit=3&after={first['next']}"
    assert [item["id"] for item in second["items"]][:2] == made[1::-1]
    assert "next" not in client.get("/datasets", params={"limit": 1000}).links
    assert ok(client.get("/datasets", params={"limit": 1000}), 200)["next"] is None


@pytest.mark.parametrize("limit", [0, 1001, "many"])
def test_a_page_has_one_to_a_thousand_items(client: httpx.Client, limit: object) -> None:
    """Another `limit` is refused, and the parameter named."""
    problem = refused(client.get("/datasets", params={"limit": str(limit)}), 422, "invalid-parameter")

    assert problem["errors"][0]["parameter"] == "limit"


def test_a_deleted_data_set_is_gone_and_its_models_stay(client: httpx.Client) -> None:
    """Models outlive their data set, and say that it is gone."""
    id_ = dataset(client)
    model = fit(client, dataset_id=id_, target="price")
    assert not model["dataset_gone"]

    assert client.delete(f"/datasets/{id_}").status_code == 204

    for call in (client.get, client.delete):
        refused(call(f"/datasets/{id_}"), 404, "not-found")
    refused(client.get(f"/datasets/{id_}/rows"), 404, "not-found")
    kept = ok(client.get(f"/models/{model['id']}"), 200)
    assert kept == model | {"dataset_gone": True}
    assert ok(client.post("/predict", json={"model_id": model["id"], "X": [[1.0]]}), 200)["predictions"]


def test_a_data_set_cannot_go_while_a_job_reads_it(client: httpx.Client) -> None:
    """409, naming the job; once that has ended the data set may go."""
    id_ = many_rows(client)
    with endless(client, id_) as job:
        problem = refused(client.delete(f"/datasets/{id_}"), 409, "dataset-in-use")
        assert problem["job_id"] == job.rsplit("/", 1)[1]
        assert "cancel" in problem["detail"]

    assert client.delete(f"/datasets/{id_}").status_code == 204


def test_content_types_are_named_when_another_is_sent(client: httpx.Client) -> None:
    """415 says which types are read."""
    problem = refused(
        client.post("/datasets", content=b"x: 1", headers={"Content-Type": "text/yaml"}), 415, "unsupported-media-type"
    )
    assert all(type_ in problem["detail"] for type_ in (JSON, CSV, ARROW))
    refused(client.post("/datasets", content=b"x"), 415, "unsupported-media-type")


@pytest.mark.parametrize("form", FORMS)
def test_text_has_a_limit(client: httpx.Client, form: str) -> None:
    """32 KiB a cell, 64 KiB a row: refused by row and column, at an append too, and nothing is kept."""
    id_ = dataset(client, {"t": ["a"], "u": ["b"], "v": ["c"]})
    before = ok(client.get("/datasets", params={"limit": 1}), 200)
    cell = FORMS[form]({"t": ["a", "b" * 32_769], "u": ["c", "d"], "v": ["e", "f"]})
    row = FORMS[form]({"t": ["a", "b" * 32_768], "u": ["c", "d" * 32_768], "v": ["e", "f"]})

    for url in ("/datasets", f"/datasets/{id_}/rows"):
        of_cell = refused(client.post(url, **cell), 422, "text-too-long")
        of_row = refused(client.post(url, **row), 422, "text-too-long")
        assert (of_cell["row"], of_cell["column"], of_cell["length"], of_cell["limit"]) == (1, "t", 32_769, 32_768)
        assert (of_row["row"], of_row["length"], of_row["limit"]) == (1, 65_537, 65_536)
        assert pointers(of_cell) == ["/columns/t/1" if form == "json" else ""]
    assert ok(client.get("/datasets", params={"limit": 1}), 200) == before


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("column", "slug"), [("city", "not-numeric"), ("time", "unknown-column")])
def test_a_window_is_over_a_column_of_numbers(client: httpx.Client, form: str, column: str, slug: str) -> None:
    """What it goes by is there and numeric, or the data set is not made."""
    columns: Columns = {"x": [1.0, 2.0], "city": ["a", "b"]}
    if form == "json":
        answer = client.post("/datasets", json={"columns": columns, "window": {"column": column, "span": 1.0}})
    else:
        query = {"window_column": column, "window_span": "1"}
        answer = client.post("/datasets", params=query, **FORMS[form](columns))

    refused(answer, 422, slug)
