"""Timestamps as a column: in by every format, back as ISO 8601, and rows chosen by them."""

import io
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from tests.api.made import ARROW, CSV, FORMS, Sent, as_json, dataset, of_arrow, ok, pointers, refused

DAYS = ["2026-11-26", "2026-11-27", "2026-11-28T12:00:00Z", "2026-11-29 00:00:00.000001+00:00"]
OUT = ["2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z", "2026-11-28T12:00:00Z", "2026-11-29T00:00:00.000001Z"]
Y = [1.0, 2.0, 4.0, 8.5]
NUMPY = [np.datetime64(day.replace("Z", "").replace("+00:00", "").replace(" ", "T"), "us") for day in DAYS]


def stored(client: httpx.Client, sent: Sent) -> dict[str, Any]:
    made: dict[str, Any] = ok(client.post("/datasets", content=sent["content"], headers=sent["headers"]))
    return made


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
        assert "is a timestamp, expected text" in problem["detail"]


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
