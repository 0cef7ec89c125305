"""Formats over a real socket: the same rows are the same data, whatever form they come in and however they are packed and cut."""

import gzip
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from tests.api.made import FORMS, JSON, Sent, as_json, fit, ok, refused
from tests.process import Service

COLUMNS = {f"x{j}": [i * 0.37 + j * j - (i % (7 + j)) * 1.25 for i in range(400)] for j in range(1, 4)}
TYPED: dict[str, Any] = COLUMNS | {"t": [f"ç{i % 5}" for i in range(400)], "b": [i % 3 == 0 for i in range(400)]}
PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress, "x-gzip": gzip.compress}


def packed(sent: Sent, encoding: str) -> Sent:
    return {"content": PACK[encoding](sent["content"]), "headers": {**sent["headers"], "Content-Encoding": encoding}}


def digest(client: httpx.Client, id_: str) -> str:
    found: str = ok(client.get(f"/datasets/{id_}/moments"), 200)["digest"]
    return found


def rows(client: httpx.Client, id_: str) -> object:
    return ok(client.get(f"/datasets/{id_}/rows"), 200)["columns"]


@pytest.mark.parametrize("encoding", [None, *PACK])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_are_the_same_data_in_every_form(client: httpx.Client, form: str, encoding: str | None) -> None:
    """To the last bit, of text and booleans too; packed or not, and in an append as in an upload."""
    sent = FORMS[form](TYPED)
    sent = sent if encoding is None else packed(sent, encoding)

    id_ = ok(client.post("/datasets", **sent))["id"]
    ok(client.post(f"/datasets/{id_}/rows", **sent))

    once = ok(client.post("/datasets", **as_json(TYPED)))["id"]
    assert ok(client.get(f"/datasets/{id_}/moments?version=1"), 200)["digest"] == digest(client, once)
    twice = {name: list(values) * 2 for name, values in TYPED.items()}
    assert rows(client, id_) == twice


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
def test_a_body_that_comes_a_few_bytes_at_a_time_is_the_same(service: Service, form: str, encoding: str | None) -> None:
    """In packets of odd lengths, as a network has them."""
    sent = FORMS[form](TYPED)
    sent = sent if encoding is None else packed(sent, encoding)
    address, body = urlsplit(service.url), sent["content"]
    headers = "".join(f"{name}: {value}\r\n" for name, value in sent["headers"].items())
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            f"POST /datasets HTTP/1.1\r\nHost: linefit\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode()
        )
        at, step = 0, 1
        while at < len(body):
            connection.sendall(body[at : at + step])
            at, step = at + step, step * 3 % 1999 + 1
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201 "), answer


def test_a_prediction_takes_every_form_packed_or_not(client: httpx.Client) -> None:
    """And answers the same bits."""
    X = list(zip(*COLUMNS.values(), strict=True))
    model = fit(client, X=[row[:2] for row in X], y=[row[2] + row[0] ** 2 for row in X])["id"]
    columns = {name: COLUMNS[name] for name in ("x1", "x2")}
    bodies = [form(columns) for name, form in FORMS.items() if name != "json"]
    bodies += [packed(body, encoding) for body in bodies for encoding in PACK]
    as_rows = {"content": as_json(columns)["content"].replace(b"{", b'{"model_id":"' + model.encode() + b'",', 1)}

    expected = ok(client.post("/predict", content=as_rows["content"], headers={"Content-Type": JSON}), 200)
    for body in bodies:
        assert ok(client.post("/predict", params={"model_id": model}, **body), 200) == expected
    json_too = packed({"content": as_rows["content"], "headers": {"Content-Type": JSON}}, "zstd")
    assert ok(client.post("/predict", **json_too), 200) == expected


def test_a_fit_and_an_alias_may_come_packed(client: httpx.Client) -> None:
    """Every body may."""
    content = b'{"X": [[0], [1], [2]], "y": [0, 1, 2.5]}'
    model = ok(client.post("/fit", **packed({"content": content, "headers": {"Content-Type": JSON}}, "gzip")))["id"]
    alias = b'{"model_id": "' + model.encode() + b'"}'

    ok(client.put("/aliases/packed", **packed({"content": alias, "headers": {"Content-Type": JSON}}, "zstd")), 201)


def test_another_encoding_is_refused_with_those_that_are_taken(client: httpx.Client) -> None:
    """415, in the answer and in Accept-Encoding (RFC 9110, 15.5.16); two at once are one that is not taken."""
    for encoding in ("br", "gzip, gzip"):
        sent = as_json(TYPED)
        answer = client.post("/datasets", content=sent["content"], headers={**sent["headers"], "Content-Encoding": encoding})

        assert refused(answer, 415, "unsupported-encoding")["supported"] == ["gzip", "zstd"]
        assert answer.headers["accept-encoding"] == "gzip, zstd"
    ok(client.post("/datasets", content=sent["content"], headers={**sent["headers"], "Content-Encoding": "identity"}))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_packed_body_that_is_cut_off_or_is_none_is_refused(client: httpx.Client, form: str, encoding: str) -> None:
    """400, and nothing is kept."""
    sent = packed(FORMS[form](TYPED), encoding)
    for content in (sent["content"][:-5], b"rows" + sent["content"]):
        answer = client.post("/datasets", content=content, headers=sent["headers"])
        assert refused(answer, 400, "bad-encoding")["encoding"] == encoding


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_at_the_limit_of_what_it_unpacks_to(small: httpx.Client, encoding: str) -> None:
    """413 of JSON and of what is streamed, by the same limits as of what is sent."""
    json = PACK[encoding](b'{"columns": {"x": [' + b"1," * 10_000 + b"1]}}")
    csv = PACK[encoding](b"x\n" + (b"0." + b"1" * 997 + b"\n") * 17_000)
    assert len(csv) < 100_000
    for content, type_, limit in ((json, JSON, 20_000), (csv, "text/csv", 16_000_000)):
        answer = small.post("/datasets", content=content, headers={"Content-Type": type_, "Content-Encoding": encoding})
        assert refused(answer, 413, "body-too-large")["limit"] == limit


def test_a_parquet_body_has_the_limits_of_others(small: httpx.Client, small_service: Service) -> None:
    """On what it unpacks to, on rows, on what is no Parquet; and nothing of it stays on the disk."""
    sink = io.BytesIO()
    pq.write_table(pa.table({f"x{j}": pa.array(np.zeros(119_000)) for j in range(20)}), sink)
    headers = {"Content-Type": "application/vnd.apache.parquet"}
    assert len(sink.getvalue()) < 100_000

    assert (
        refused(small.post("/datasets", content=sink.getvalue(), headers=headers), 413, "body-too-large")["limit"]
        == 16_000_000
    )
    refused(small.post("/datasets", content=b"PAR1" + sink.getvalue(), headers=headers), 400, "bad-parquet")
    refused(small.post("/datasets", **FORMS["parquet"]({"x": [1.0] * 120_001})), 422, "too-many-rows")
    assert [path.name for path in Path(small_service.folder).iterdir() if path.name.startswith("tmp")] == []


def test_unsupported_types_are_told_what_is_taken(client: httpx.Client) -> None:
    """All of them."""
    answer = client.post("/datasets", content=b"x", headers={"Content-Type": "application/x-hdf5"})

    supported = refused(answer, 415, "unsupported-media-type")["supported"]
    assert {JSON, *(form(COLUMNS)["headers"]["Content-Type"] for form in FORMS.values())} <= set(supported)


def as_numpy(columns: dict[str, list[float]], form: str) -> Sent:
    """The columns as an array of both orders, or in archives: a column each, or as X, y and names."""
    sink, matrix = io.BytesIO(), np.column_stack(list(columns.values()))
    if form == "columns":
        arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
        np.savez_compressed(sink, **arrays)
    elif form == "X and y":
        names = np.array(list(columns)[:-1])
        np.savez(sink, X=np.asfortranarray(matrix[:, :-1]), y=matrix[:, -1], feature_names=names)
    else:
        np.save(sink, np.asarray(matrix, order="F" if form == "fortran" else "C"))
    type_ = "application/x-npy" if form in {"npy", "fortran"} else "application/x-npz"
    return {"content": sink.getvalue(), "headers": {"Content-Type": type_}}


@pytest.mark.parametrize("form", ["npy", "fortran", "columns", "X and y"])
def test_arrays_of_numpy_are_the_same_rows(client: httpx.Client, form: str) -> None:
    """To the last bit: of a data set, of an append, and of a prediction, where an array's columns go by their place."""
    columns = {"x1": COLUMNS["x1"], "x2": [float(i * i % 31) for i in range(400)], "y": COLUMNS["x3"]}
    once = ok(client.post("/datasets", **as_json(columns)))["id"]
    id_ = ok(client.post("/datasets", **as_numpy(columns, form)))["id"]
    if form in {"npy", "fortran"}:
        assert [column["name"] for column in ok(client.get(f"/datasets/{id_}"), 200)["columns"]] == ["x1", "x2", "x3"]
    else:
        assert digest(client, id_) == digest(client, once)

    ok(client.post(f"/datasets/{once}/rows", **as_numpy(columns, form)))
    assert rows(client, once) == {name: values * 2 for name, values in columns.items()}

    cut_off = as_numpy(columns, form)
    cut_off["content"] = cut_off["content"][:-1]
    refused(client.post("/datasets", **cut_off), 400, "bad-numpy")

    model = ok(client.post("/fit", json={"dataset_id": once, "target": "y"}))["id"]
    features = {name: columns[name] for name in ("x1", "x2")}
    asked = [
        client.post("/predict", params={"model_id": model}, **sent)
        for sent in (FORMS["csv"](features), as_numpy(features, "npy"))
    ]
    assert ok(asked[0], 200) == ok(asked[1], 200)


@pytest.mark.parametrize("form", ["csv", "arrow", "parquet"])
def test_a_form_with_one_file_is_that_file(client: httpx.Client, form: str) -> None:
    """By its own type, or the end of its name where curl and browsers know no type."""
    sent = FORMS[form](TYPED)
    once = ok(client.post("/datasets", **sent))["id"]
    for file in (
        (f"rows.{form}", sent["content"]),
        ("rows", sent["content"], sent["headers"]["Content-Type"]),
        (f"ROWS.{form.upper()}", sent["content"], "application/octet-stream"),
    ):
        id_ = ok(client.post("/datasets", params={"name": "of a form"}, files={"file": file}))["id"]
        assert digest(client, id_) == digest(client, once)


def test_a_form_is_taken_as_its_pieces_come_and_refused_where_it_is_no_file(client: httpx.Client) -> None:
    """A boundary may be cut anywhere; what is not one file of a known kind is a 400 that says so."""
    request = client.build_request("POST", "/datasets", files={"file": ("rows.csv", FORMS["csv"](TYPED)["content"])})
    body, headers = request.read(), {"Content-Type": request.headers["content-type"]}
    small = (body[i : i + 7] for i in range(0, len(body), 7))
    ok(client.post("/datasets", content=small, headers=headers))

    assert "cut off" in refused(client.post("/datasets", content=body[:-6], headers=headers), 400, "bad-multipart")["detail"]
    for files, data in (
        ({"file": ("rows.xls", b"x\n1\n")}, {}),
        ({"file": ("rows.csv", b"x\n1\n"), "more": ("more.csv", b"x\n1\n")}, {}),
        ({"file": ("rows.csv", b"x\n1\n")}, {"name": "prices"}),
    ):
        refused(client.post("/datasets", files=files, data=data), 400, "bad-multipart")
    refused(client.post("/datasets", content=body, headers={"Content-Type": "multipart/form-data"}), 400, "bad-multipart")
    refused(client.post("/datasets", content=b"x\n1\n", headers=headers), 400, "bad-multipart")
