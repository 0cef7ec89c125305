"""Limits: each is a setting, each is said by GET /limits, and what goes beyond it gets a clear answer."""

import io
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pyarrow as pa
import pytest

from tests.api.conftest import SMALL
from tests.api.made import ARROW, FORMS, JSON, as_arrow, as_csv, dataset, endless, fit, many_rows, ok, pointers, refused
from tests.process import Service

DESCENT: dict[str, Any] = {"X": [[0.0], [1.0], [2.0]], "y": [0.0, 1.0, 2.5], "method": "gradient_descent"}


def test_every_limit_is_told(small: httpx.Client) -> None:
    """The values are those of the settings."""
    told = ok(small.get("/limits"), 200)

    assert told == {name: value for name, value in SMALL.items() if name in told}
    assert {name for name in SMALL if name.startswith("max_")} <= told.keys()


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(small_service: Service) -> None:
    """413 at once: the client need not send what would be thrown away."""
    address = urlsplit(small_service.url)
    head = "POST /datasets HTTP/1.1\r\nHost: linefit\r\nContent-Type: text/csv\r\nContent-Length: 1000000000000\r\n\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
        connection.sendall(head.encode())

        answer = ""
        while not answer.endswith("}") and (piece := connection.recv(4096)):
            answer += piece.decode()

    assert answer.startswith("HTTP/1.1 413 ")
    assert "/problems/body-too-large" in answer


@pytest.mark.parametrize("path", ["/datasets", "/fit", "/predict", "/aliases/any"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
def test_a_json_body_has_its_own_limit(small: httpx.Client, path: str, is_chunked: bool) -> None:
    """It is read whole, so it is bounded, whether it says its size or comes in chunks."""
    text = b'{"columns": {"x": [' + b"1," * 10_000 + b"1]}}"
    content = (text[i : i + 1000] for i in range(0, len(text), 1000)) if is_chunked else text

    answer = small.request("PUT" if "alias" in path else "POST", path, content=content, headers={"Content-Type": JSON})

    problem = refused(answer, 413, "body-too-large")
    assert (problem["limit"], "20000 bytes" in problem["detail"]) == (20_000, True)


def test_a_streamed_body_is_stopped_at_its_limit(small: httpx.Client) -> None:
    """In chunks of any number: 413 once there are more bytes than the limit, and nothing is kept."""
    before = ok(small.get("/datasets", params={"limit": 1}), 200)
    pieces = (b"x\n" if i == 0 else b"0." + b"1" * 63_997 + b"\n" for i in range(300))

    answer = small.post("/datasets", content=pieces, headers={"Content-Type": "text/csv"})

    assert refused(answer, 413, "body-too-large")["limit"] == 16_000_000
    assert ok(small.get("/datasets", params={"limit": 1}), 200) == before


def test_rows_of_a_data_set_are_counted_while_they_come(small: httpx.Client) -> None:
    """422, and the limit: of a stream, and of a line that was to be generated."""
    many = {"x": [1.0] * 120_001}
    for sent in (as_csv(many), as_arrow(many)):
        problem = refused(small.post("/datasets", **sent), 422, "too-many-rows")
        assert (problem["limit"], "120000" in problem["detail"]) == (120_000, True)

    generated = refused(small.post("/datasets", json={"sample": {"n_samples": 10**12, "slope": 1.0}}), 422, "over-limit")

    assert pointers(generated) == ["/sample/n_samples"]


@pytest.mark.parametrize("form", FORMS)
def test_columns_of_a_data_set_have_a_limit(small: httpx.Client, form: str) -> None:
    """422, how many there were and how many there may be."""
    problem = refused(small.post("/datasets", **FORMS[form]({f"c{j}": [1.0] for j in range(41)})), 422, "too-many-columns")

    assert (problem["n"], problem["limit"]) == (41, 40)


def test_a_fit_has_no_more_columns_than_a_data_set(small: httpx.Client) -> None:
    """Rows that come with it are no way around the limit."""
    problem = refused(small.post("/fit", json={"X": [[1.0] * 40] * 2, "y": [1.0, 2.0]}), 422, "over-limit")

    assert (problem["asked"], problem["limit"]) == (41, 40)


def test_a_prediction_has_a_limit_on_its_rows(small: httpx.Client) -> None:
    """In every form, by position or by name."""
    id_ = fit(small, X=[[0.0], [1.0]], y=[0.0, 1.0])["id"]
    columns = {"x": [1.0] * 6}
    ok(small.post("/predict", json={"model_id": id_, "X": [[1.0]] * 5}), 200)

    by_position = refused(small.post("/predict", json={"model_id": id_, "X": [[1.0]] * 6}), 422, "over-limit")
    by_name = refused(small.post("/predict", json={"model_id": id_, "columns": columns}), 422, "over-limit")
    by_table = [small.post("/predict", params={"model_id": id_}, **form(columns)) for form in (as_csv, as_arrow)]

    assert (by_position["asked"], by_position["limit"]) == (6, 5)
    assert (pointers(by_position), pointers(by_name)) == (["/X"], ["/columns"])
    for answer in by_table:
        assert refused(answer, 422, "too-many-rows")["limit"] == 5


def test_a_prediction_has_a_limit_on_its_cells(small: httpx.Client) -> None:
    """Rows times features: few bytes can unpack to many cells."""
    X = [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 5.0], [3.0, 1.0, 1.0]]
    model = fit(small, X=X, y=[1.0, 2.0, 4.0, 3.0])
    columns = {name: [1.0] * 5 for name in model["feature_names"]}
    ok(small.post("/predict", params={"model_id": model["id"]}, **as_arrow({name: [1.0] * 4 for name in columns})), 200)

    sent = [as_csv(columns), as_arrow(columns), as_arrow(columns, max_chunksize=1)]
    answers = [small.post("/predict", params={"model_id": model["id"]}, **one) for one in sent]
    answers.append(small.post("/predict", json={"model_id": model["id"], "columns": columns}))

    for answer in answers:
        problem = refused(answer, 422, "over-limit")
        assert (problem["asked"], problem["limit"]) == (15, 12)


def test_a_small_body_that_unpacks_to_a_large_table_takes_little_memory(client: httpx.Client, service: Service) -> None:
    """The columns are checked when the first batch has come: the rest of a table for another model is never unpacked."""
    id_ = fit(client, X=[[0.0], [1.0], [2.0]], y=[0.0, 1.0, 2.5])["id"]
    batch = pa.record_batch({f"x{j}": np.zeros(4000) for j in range(300)})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for _ in range(60):
            writer.write_batch(batch)
    before = peak_bytes(service)

    answer = client.post("/predict", params={"model_id": id_}, content=sink.getvalue(), headers={"Content-Type": ARROW})

    refused(answer, 422, "columns-differ")
    assert len(sink.getvalue()) < 10_000_000
    assert peak_bytes(service) - before < 200_000_000  # of 576 MB


def peak_bytes(service: Service) -> int:
    """The most memory that the service has had."""
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def test_a_page_of_rows_has_a_limit(small: httpx.Client) -> None:
    """More are to be had page by page; the answer says the limit."""
    id_ = dataset(small, {"x": [1.0] * 10})
    assert len(ok(small.get(f"/datasets/{id_}/rows", params={"limit": 7}), 200)["columns"]["x"]) == 7

    problem = refused(small.get(f"/datasets/{id_}/rows", params={"limit": 8}), 422, "over-limit")

    assert (problem["asked"], problem["limit"]) == (8, 7)


def test_a_page_has_a_limit_on_its_cells(small: httpx.Client) -> None:
    """Rows times columns; a page of wide rows is shorter unless its length is asked for, and the pages join to the whole."""
    id_ = dataset(small, {f"x{j}": [1.0] * 10 for j in range(12)})

    problem = refused(small.get(f"/datasets/{id_}/rows", params={"limit": 6}), 422, "over-limit")
    page = ok(small.get(f"/datasets/{id_}/rows"), 200)

    assert (problem["asked"], problem["limit"]) == (72, 60)
    assert (len(page["columns"]["x0"]), page["next"]) == (5, 5)
    assert ok(small.get(f"/datasets/{id_}/rows", params={"limit": 6, "offset": 5}), 200)["next"] is None


def test_a_page_is_within_the_limit_unless_more_is_asked_for(small: httpx.Client) -> None:
    """The default page is one that the service gives."""
    id_ = dataset(small, {"x": [1.0] * 10})

    assert len(ok(small.get(f"/datasets/{id_}/rows"), 200)["columns"]["x"]) == 7


@pytest.mark.parametrize(
    ("options", "pointer", "limit"),
    [
        ({"epochs": 2001}, "/epochs", 2000),
        ({"epochs": 901, "batch_size": 1}, "/epochs", 900),
        ({"epochs": 900, "batch_size": 1, "X": [[1.0, 2.0, 3.0, 4.0]] * 3}, "/epochs", 833),
        ({"X": [[1.0, 2.0, 3.0, 4.0, 5.0]] * 3}, "/features", 4),
    ],
    ids=["batch", "mini-batch", "history", "features"],
)
def test_a_descent_has_limits(small: httpx.Client, options: dict[str, Any], pointer: str, limit: int) -> None:
    """On its epochs, fewer where the state of each is kept, and on its features."""
    problem = refused(small.post("/fit", json=DESCENT | options), 422, "over-limit")

    assert (pointers(problem), problem["limit"]) == ([pointer], limit)
    assert "GET /limits" in problem["detail"]


def test_unfinished_jobs_have_a_limit(small: httpx.Client) -> None:
    """429 and when to come again; once a job has ended, there is room for the next."""
    id_ = many_rows(small)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(endless(small, id_))

        answer = small.post("/fit", json=DESCENT | {"epochs": 10})

        assert refused(answer, 429, "too-many-jobs")["limit"] == 3
        assert answer.headers["retry-after"] == "1"
    assert fit(small, **DESCENT, epochs=10)["descent"]["epoch"] == 10
