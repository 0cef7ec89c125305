"""What somebody would write in an afternoon: FastAPI with scikit-learn, which stores nothing. And ASGI with no framework at all."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import numpy as np
from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from sklearn.linear_model import LinearRegression

from benchmarks.peers.bodies import Rows, sums

fastapi = FastAPI()
MODEL = LinearRegression().fit(np.eye(11)[:, :10], np.arange(11.0))


class Question(BaseModel):
    """Rows to predict for."""

    X: list[list[float]]


@fastapi.get("/ready")
async def ready() -> dict[str, bool]:
    """Whether it answers."""
    return {"ready": True}


@fastapi.post("/fit")
async def fit(rows: Rows) -> dict[str, Any]:
    """Fit, and forget. On the event loop, which is twice as fast as a thread a request on one core."""
    model = LinearRegression().fit(rows.X, rows.y)
    return {"intercept": float(model.intercept_), "coef": model.coef_.tolist(), "r2": float(model.score(rows.X, rows.y))}


@fastapi.post("/predict")
async def predict(question: Question) -> dict[str, list[float]]:
    """By scikit-learn's own `predict`."""
    return {"predictions": MODEL.predict(question.X).tolist()}


@fastapi.post("/predict-numpy")
async def predict_numpy(question: Question) -> dict[str, list[float]]:
    """By one product, without scikit-learn's checks."""
    return {"predictions": (np.array(question.X) @ MODEL.coef_ + MODEL.intercept_).tolist()}


@fastapi.post("/moments")
async def moments(rows: Rows) -> list[float]:
    """FastAPI's default way with a body of rows: json, then Pydantic's lists."""
    return sums(np.array(rows.X), np.array(rows.y))


@fastapi.get("/events", response_class=EventSourceResponse)
async def events(n: int, p: int) -> AsyncIterator[ServerSentEvent]:
    """Epochs as FastAPI sends events."""
    coef = [math.pi * i for i in range(1, p + 1)]
    for epoch in range(n):
        data = {"epoch": epoch, "loss": math.e / (epoch + 1), "intercept": math.sqrt(epoch), "coef": coef}
        yield ServerSentEvent(data=data, event="epoch", id=str(epoch))


Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def raw(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Read the body and answer as many bytes as the path says: what uvicorn can do at most."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    size = int(scope["path"].rsplit("/", 1)[-1]) if scope["path"] != "/ready" else 2
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"0" * size})
