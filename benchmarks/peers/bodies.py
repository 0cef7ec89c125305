"""A JSON body of rows from memory to X'X in float64, by several parsers, in one process and without HTTP."""

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import orjson
import simdjson
from numpy.typing import NDArray
from pydantic import BaseModel

Floats = NDArray[np.float64]


class Rows(BaseModel):
    """As a FastAPI route would have it."""

    X: list[list[float]]
    y: list[float]


_ROWS = msgspec.defstruct("_ROWS", [("X", list[list[float]]), ("y", list[float])])


@cache
def _body(path: str) -> bytes:
    return Path(path).read_bytes()


def sums(X: Floats, y: Floats) -> list[float]:
    """Sums of y, of y squared and of each feature times y: what the answers are compared by."""
    return [float(y.sum()), float(y @ y), *(y @ X).tolist()]


def _pydantic(body: bytes) -> list[float]:
    rows = Rows.model_validate(json.loads(body))
    return sums(np.array(rows.X), np.array(rows.y))


def _orjson(body: bytes) -> list[float]:
    rows = orjson.loads(body)
    return sums(np.array(rows["X"]), np.array(rows["y"]))


def _msgspec(body: bytes) -> list[float]:
    rows = msgspec.json.decode(body, type=_ROWS)
    return sums(np.array(rows.X), np.array(rows.y))


def _simdjson(body: bytes) -> list[float]:
    """As arrays without lists; nested arrays are flattened, ragged ones too."""
    parsed: Any = simdjson.Parser().parse(body)
    y = np.frombuffer(parsed["y"].as_buffer(of_type="d"))
    return sums(np.frombuffer(parsed["X"].as_buffer(of_type="d")).reshape(len(y), -1), y)


PARSERS: dict[str, Callable[[bytes], list[float]]] = {
    "pydantic": _pydantic, "orjson": _orjson, "msgspec": _msgspec, "simdjson": _simdjson,
}  # fmt: skip


def parsed(how: str, path: str) -> tuple[float, list[float]]:
    """Bytes/s, and the sums."""
    body = _body(path)
    started = time.perf_counter()
    found = PARSERS[how](body)
    return len(body) / (time.perf_counter() - started), found
