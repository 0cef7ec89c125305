"""What goes wrong around a request: bodies that stall, keys that grow old, a database that is gone, and what the log may hold."""

import select
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.conformance import Conformance
from tests.api.made import CSV, JSON, fit, ok, refused
from tests.process import Service


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits a second for more of a body, and remembers keys for two."""
    folder = tmp_path_factory.mktemp("impatient") / "data"
    with Service(folder, body_idle_s=1, idempotency_ttl_s=2) as running:
        with running.client() as client:
            model = ok(client.post("/fit", json={"X": [[0.0], [1.0]], "y": [1.0, 3.0]}))
            ok(client.put("/aliases/line", json={"model_id": model["id"]}))
        yield running


@pytest.mark.parametrize(
    ("call", "type_"),
    [
        ("POST /datasets", JSON),
        ("POST /datasets", CSV),
        ("POST /fit", JSON),
        ("POST /predict?model_id=line", CSV),
        ("PUT /aliases/a", JSON),
    ],
)
def test_a_body_that_stalls_is_given_up(impatient: Service, call: str, type_: str) -> None:
    """408, and the connection is closed: it holds neither a thread nor a socket for ever."""
    with stalled(impatient, call, type_) as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()

    assert answer.startswith("HTTP/1.1 408 ")
    assert "/problems/body-timeout" in answer


def test_a_table_to_predict_is_read_while_it_arrives(service: Service) -> None:
    """What is wrong is said after the next piece, and not only at the end of the body."""
    with stalled(service, "POST /predict?model_id=nobody", CSV) as connection:
        answer = b""
        for _ in range(300):  # of a body of 1000 bytes
            connection.sendall(b"1")
            if select.select([connection], [], [], 0.1)[0]:
                answer = connection.recv(4096)
                break

    assert answer.startswith(b"HTTP/1.1 404 ")


def stalled(service: Service, call: str, type_: str) -> socket.socket:
    """A connection on which a body has begun, and does not go on."""
    address = urlsplit(service.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30)
    head = f"{call} HTTP/1.1\r\nHost: linefit\r\nContent-Type: {type_}\r\nContent-Length: 1000\r\n\r\nx,y\n"
    connection.sendall(head.encode())
    return connection


def test_a_slow_body_that_goes_on_is_read(impatient: Service) -> None:
    """It is silence that is bounded, and not the time a body takes."""
    with impatient.client() as client:
        made = ok(client.post("/datasets", content=slowly(b"x,y\n1,2\n", 4), headers={"Content-Type": CSV}))

    assert made["n_samples"] == 1


def test_a_key_that_grows_old_while_a_retry_is_read_still_gets_its_answer(impatient: Service) -> None:
    """It was known when the retry came."""
    headers = {"Content-Type": CSV, "Idempotency-Key": "old"}
    with impatient.client(**headers) as client:
        made = client.post("/datasets", content=b"x,y\n1,2\n")

        again = client.post("/datasets", content=slowly(b"x,y\n1,2\n", 8))

    assert ok(made) == ok(again)
    assert again.headers["idempotency-replayed"] == "true"


def slowly(body: bytes, n_pieces: int) -> Iterator[bytes]:
    """The body in so many pieces, 0.4 s apart."""
    size = -(-len(body) // n_pieces)
    for start in range(0, len(body), size):
        yield body[start : start + size]
        time.sleep(0.4)


def test_a_service_without_its_tables_is_not_ready(tmp_path: Path, conformance: Conformance) -> None:
    """503 as a problem, until they are there again; the process lives all the while."""
    with Service(tmp_path / "data") as service, service.client() as client:
        client.event_hooks["response"] = [conformance.check]
        ok(client.get("/readyz"), 200)

        with closing(sqlite3.connect(service.folder / "linefit.db")) as database:
            database.execute("ALTER TABLE datasets RENAME TO gone")
            refused(client.get("/readyz"), 503, "not-ready")
            ok(client.get("/healthz"), 200)
            database.execute("ALTER TABLE gone RENAME TO datasets")

        ok(client.get("/readyz"), 200)


def test_the_log_has_no_values_that_were_asked_about(client: httpx.Client, service: Service) -> None:
    """Addresses are not logged: the query of this one is somebody's data."""
    id_ = fit(client, X=[[0.0], [1.0]], y=[0.0, 1.0])["id"]

    ok(client.get("/predict", params={"model_id": id_, "x": "271828.182845"}), 200)

    assert "/predict" not in service.log()
    assert "271828.182845" not in service.log()
