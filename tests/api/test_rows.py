"""Rows: back out as they came in, and appended by name."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.made import CSV, FORMS, LINE, Columns, as_arrow, dataset, fit, of_arrow, ok, pointers, refused

HARD = [0.1, -0.0, 1e-150, -1e150, 5e-17, 123456789.12345679, 2.0**-52, 1 / 3]
ROWS: Columns = {"x": HARD, "city": ["a,b", 'c"d', "é", "e", "f", "g", "h", "i"], "sold": [True, False] * 4}


def bits(values: list[float]) -> list[str]:
    """Each double exactly, its sign of zero too."""
    return [value.hex() for value in values]


def of_csv(text: str) -> dict[str, list[str]]:
    """The columns of a CSV, as text."""
    header, *rows = csv.reader(io.StringIO(text))
    return {name: [row[i] for row in rows] for i, name in enumerate(header)}


@pytest.mark.parametrize("form", ["json", "arrow"])
def test_rows_come_back_to_the_bit(client: httpx.Client, form: str) -> None:
    """As JSON, CSV or Arrow: the same doubles, text and booleans, in the order in which they came."""
    url = f"{ok(client.post('/datasets', **FORMS[form](ROWS)))['id']}/rows"

    by_json = ok(client.get(f"/datasets/{url}"), 200)["columns"]
    by_arrow = of_arrow(client.get(f"/datasets/{url}", params={"format": "arrow"}).content)
    by_csv = of_csv(client.get(f"/datasets/{url}", params={"format": "csv"}).text)

    for columns in (by_json, by_arrow):
        assert list(columns) == list(ROWS)
        assert bits(columns["x"]) == bits(HARD)
        assert (columns["city"], columns["sold"]) == (ROWS["city"], ROWS["sold"])
    assert bits([float(cell) for cell in by_csv["x"]]) == bits(HARD)
    assert by_csv["city"] == ROWS["city"]
    assert by_csv["sold"] == ["true", "false"] * 4


def test_pages_join_to_the_whole(client: httpx.Client) -> None:
    """`offset` and `limit` cut a version; `next` and Link lead on, across the pieces the rows came in, to the end."""
    id_ = dataset(client, {"x": [float(i) for i in range(5)]})
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [5.0, 6.0, 7.0]}}))

    found: list[float] = []
    url: str | None = f"/datasets/{id_}/rows?limit=3"
    while url is not None:
        answer = client.get(url)
        page = ok(answer, 200)
        assert (page["offset"], page["n_samples"]) == (len(found), 8)
        found += page["columns"]["x"]
        url = answer.links["next"]["url"] if page["next"] is not None else None
        assert (url is None) == ("next" not in answer.links)

    assert found == [float(i) for i in range(8)]
    assert ok(client.get(f"/datasets/{id_}/rows", params={"offset": 8}), 200)["columns"] == {"x": []}


@pytest.mark.parametrize("format_", ["csv", "arrow"])
def test_pages_of_other_forms_link_on_too(client: httpx.Client, format_: str) -> None:
    """CSV and Arrow have no place for `next`: Link alone says that there is more, of the version that was read."""
    id_ = dataset(client, {"x": [1.0, 2.0, 3.0]})

    link = client.get(f"/datasets/{id_}/rows", params={"format": format_, "limit": 2}).links["next"]["url"]
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [4.0]}}))
    rest = client.get(link)

    columns = of_arrow(rest.content) if format_ == "arrow" else of_csv(rest.text)
    assert [float(x) for x in columns["x"]] == [3.0]


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_appended_by_name_whatever_their_order(client: httpx.Client, form: str) -> None:
    """Any form may follow any other, its columns in any order: a new version that has both."""
    id_ = dataset(client, {**LINE, "city": ["a", "b", "c", "d"]})

    answer = client.post(f"/datasets/{id_}/rows", **FORMS[form]({"city": ["e"], "price": [9.0], "x": [4.0]}))

    assert ok(answer) == {"id": id_, "version": 2, "n_samples": 5, "n_appended": 1, "n_removed": 0}
    assert answer.headers["location"] == f"/datasets/{id_}?version=2"
    rows = ok(client.get(f"/datasets/{id_}/rows"), 200)["columns"]
    assert (rows["x"][-1], rows["price"][-1], rows["city"][-1]) == (4.0, 9.0, "e")
    assert list(rows) == ["x", "price", "city"]


def test_versions_stay_as_they_were(client: httpx.Client) -> None:
    """Each version can be read, described and fitted after the next one came; models say which they saw."""
    id_ = dataset(client, {"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 4.0]})
    before = ok(client.get(f"/datasets/{id_}"), 200)
    ok(client.post(f"/datasets/{id_}/rows", json={"columns": {"x": [3.0], "y": [0.0]}}))

    assert ok(client.get(f"/datasets/{id_}", params={"version": 1}), 200) == before
    assert ok(client.get(f"/datasets/{id_}/rows", params={"version": 1}), 200)["columns"]["x"] == [0.0, 1.0, 2.0]
    newest = ok(client.get(f"/datasets/{id_}"), 200)
    assert (newest["version"], newest["n_samples"], newest["columns"][0]["max"]) == (2, 4, 3.0)
    old, new = (fit(client, dataset_id=id_, target="y", dataset_version=version) for version in (1, None))
    assert (old["dataset_version"], old["coef"]) == (1, [2.0])
    assert (new["dataset_version"], new["coef"] != [2.0]) == (2, True)
    for call in (f"/datasets/{id_}?version=3", f"/datasets/{id_}/rows?version=3"):
        assert "version 3" in refused(client.get(call), 404, "not-found")["detail"]


@pytest.mark.parametrize("form", FORMS)
def test_missing_and_unknown_columns_are_named(client: httpx.Client, form: str) -> None:
    """Rows with other columns are refused whole, and both kinds of difference said at once."""
    id_ = dataset(client)

    problem = refused(client.post(f"/datasets/{id_}/rows", **FORMS[form]({"x": [1.0], "cost": [2.0]})), 422, "columns-differ")

    assert (problem["missing"], problem["unknown"]) == (["price"], ["cost"])
    assert ok(client.get(f"/datasets/{id_}"), 200)["n_samples"] == 4


@pytest.mark.parametrize("form", FORMS)
def test_a_column_of_another_type_is_refused(client: httpx.Client, form: str) -> None:
    """Text cannot follow numbers: the row, the column, the value and what it must be are said."""
    id_ = dataset(client)

    answer = client.post(f"/datasets/{id_}/rows", **FORMS[form]({"x": ["one"], "price": [2.0]}))

    problem = refused(answer, 422, "wrong-type" if form == "csv" else "types-differ")
    assert (problem["row"], problem["column"], problem["value"]) == (0, "x", "one")
    assert "a number" in problem["detail"]
    assert pointers(problem) == ["/columns/x/0" if form == "json" else ""]


@pytest.mark.parametrize(
    ("rows", "appended"),
    [
        (b'y,sold,code\n3,TRUE,"01"\n', ("01", True, 3.0)),
        (b"code,sold,y\nTRUE,,4\n", ("TRUE", None, 4.0)),
        (b"code,sold,y\n1e3,False,.\n", ("1e3", False, None)),
        (b"code,sold,y\n,NA,5\n", (None, None, 5.0)),
        (b"code,sold,y\nNA,true,5\n", ("NA", True, 5.0)),
    ],
)
def test_a_csv_is_appended_as_what_the_columns_are(
    client: httpx.Client, rows: bytes, appended: tuple[str | None, bool | None, float | None]
) -> None:
    """The data set says it: in a column of text a number or a boolean is text, as it is written."""
    id_ = dataset(client, {"code": ["A", "B"], "sold": [True, False], "y": [1.0, 2.0]})

    ok(client.post(f"/datasets/{id_}/rows", content=rows, headers={"Content-Type": CSV}))

    columns = ok(client.get(f"/datasets/{id_}/rows", params={"offset": 2}), 200)["columns"]
    assert tuple(columns[name] for name in ("code", "sold", "y")) == tuple([value] for value in appended)


def test_appended_rows_keep_the_reading_of_the_data_set(client: httpx.Client) -> None:
    """A data set of decimals takes no number of more than 15 digits, at upload or later; nothing of such rows is kept."""
    id_ = dataset(client, {"x": [0.1], "y": [0.2]}, numbers="decimal")

    sent = {"columns": {"x": [0.5, 0.1 + 0.2], "y": [1.0, 2.0]}}
    problem = refused(client.post(f"/datasets/{id_}/rows", json=sent), 422, "too-many-digits")

    assert (problem["row"], problem["column"], problem["value"]) == (1, "x", 0.1 + 0.2)
    assert pointers(problem) == ["/columns/x/1"]
    assert ok(client.get(f"/datasets/{id_}"), 200)["version"] == 1


def test_rows_cannot_be_appended_to_what_is_not_there(client: httpx.Client) -> None:
    """404, whatever is sent."""
    for form in FORMS.values():
        refused(client.post("/datasets/ds_none/rows", **form(LINE)), 404, "not-found")


def test_appends_at_once_all_arrive(client: httpx.Client) -> None:
    """Writers take turns: each append is a version of its own, none is lost, and the sums are those of all rows."""
    x = np.random.default_rng(0).normal(size=(9, 4))
    rows: list[dict[str, Any]] = [{"x": part.tolist(), "y": (part**2).tolist()} for part in x]
    id_ = dataset(client, rows[0])
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda part: ok(client.post(f"/datasets/{id_}/rows", **as_arrow(part))), rows[1:]))

    assert sorted(one["version"] for one in made) == list(range(2, 10))
    whole = dataset(client, {"x": x.ravel().tolist(), "y": (x**2).ravel().tolist()})
    parts_, all_ = (fit(client, dataset_id=one, target="y") for one in (id_, whole))
    assert (parts_["coef"], parts_["intercept"], parts_["metrics"]) == (all_["coef"], all_["intercept"], all_["metrics"])
