"""Calls of a server, one at a time: what a client with nothing but the standard library does."""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.measure import NotBuilt

JSON, CSV = "application/json", "text/csv"
ARROW, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"
PIECE = 1 << 20  # bytes given to the socket at a time
TIMEOUT_S = 600


class Refused(Exception):
    """An answer that is no success."""


def post(port: int, path: str, body: Any, **headers: str) -> Any:
    """The answer to a JSON body. Raises: Refused."""
    return json.loads(send(port, path, json.dumps(body).encode(), JSON, **headers))


def get(port: int, path: str) -> Any:
    """Raises: Refused."""
    with closing(_connected(port)) as connection:
        connection.request("GET", path)
        return json.loads(answered(connection))


def upload(port: int, path: str, file: Path, content_type: str) -> Any:
    """The answer to a file, which is read as it is sent. Raises: NotBuilt, Refused."""
    with closing(_connected(port)) as connection, file.open("rb", buffering=0) as body:
        connection.request("POST", path, body, {"Content-Type": content_type, "Content-Length": str(file.stat().st_size)})
        return json.loads(answered(connection))


def send(port: int, path: str, body: bytes, content_type: str, **headers: str) -> bytes:
    """The bytes of the answer. Raises: NotBuilt, Refused."""
    with closing(_connected(port)) as connection:
        connection.request("POST", path, body, {"Content-Type": content_type, **headers})
        return answered(connection)


def _connected(port: int) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S, blocksize=PIECE)


def answered(connection: HTTPConnection) -> bytes:
    """The bytes of the answer. Raises: NotBuilt, Refused."""
    response = connection.getresponse()
    body = response.read()
    if response.status == 415:
        raise NotBuilt(str(json.loads(body)["detail"]))
    if response.status >= 300:
        raise Refused(f"{response.status} {body[:500]!r}")
    return body
