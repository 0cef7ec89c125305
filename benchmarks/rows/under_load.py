"""Small requests from 16 connections to a server on one core; the load generator has the other."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import calls, data, environments, load, servers
from benchmarks.environments import Environment, Unavailable
from benchmarks.figures import Asked, Row
from benchmarks.lab import times
from benchmarks.measure import Peer, Run, Sample, compete
from benchmarks.servers import SERVER_CORE, Server
from benchmarks.worker import ROOT

SECONDS = 1.5  # of load a run
APPS = "benchmarks.peers.apps"
FEATURES = 10

Served = Callable[[], Any]


def fit_inline() -> Row:
    """Fits of rows sent with them; linefit's survive a power cut before they are answered."""
    rows = data.matrix(50, 2)
    body = json.dumps({"X": rows[:, :-1].tolist(), "y": rows[:, -1].tolist()}).encode()
    with ExitStack() as held:
        held.enter_context(load.on_the_clients_core())
        ours = loaded(held.enter_context(servers.linefit(SERVER_CORE)), "/fit", body, _coefficients)
        plain = _peer(
            held, "FastAPI with scikit-learn, stores nothing", f"{APPS}:fastapi", "/fit", body, _coefficients, times(1.5)
        )
        return compete(
            "fit_inline",
            "`POST /fit` inline 50 x 1, 16 connections, one core for the server, stored durably",
            "/s",
            ours,
            [plain],
        )


def predict_one() -> Row:
    """One row at a time, every answer the same number from all who compute one."""
    row = data.matrix(1, FEATURES)[0].tolist()
    train = np.eye(FEATURES + 1)[:, :FEATURES], np.arange(FEATURES + 1.0)
    with ExitStack() as held:
        held.enter_context(load.on_the_clients_core())
        server = held.enter_context(servers.linefit(SERVER_CORE))
        body = {"X": train[0].tolist(), "y": train[1].tolist(), "rank_deficient": "error"}
        model = calls.post(server.port, "/fit", body)["id"]
        asked = json.dumps({"model_id": model, "X": [row]}).encode()
        plain = json.dumps({"X": [row]}).encode()
        ours = loaded(server, "/predict", asked, _predictions)
        raw = Asked(least=0.6, text="at least 0.6 of its requests/s")
        return compete(
            "predict_one", f"`POST /predict`, one row of {FEATURES} features, one core for the server, 16 connections", "/s", ours,
            [
                _mlserver(held, row, train),
                _peer(held, "raw ASGI on uvicorn that reads the body", f"{APPS}:raw", f"/{_answer_bytes(server, asked)}", asked, None, raw),
                _peer(held, "FastAPI with numpy", f"{APPS}:fastapi", "/predict-numpy", plain, _predictions),
                _peer(held, "FastAPI with scikit-learn", f"{APPS}:fastapi", "/predict", plain, _predictions),
                _ceiling(held, asked),
            ],
        )  # fmt: skip


def loaded(server: Server, path: str, body: bytes, read: Callable[[Any], Sequence[float]] | None) -> Run:
    """A run is so many seconds of load; the answer is what `read` makes of the last one."""
    sent = load.request(path, body)

    def run() -> Sample:
        rate, last, _ = load.per_second(server.port, sent, SECONDS)
        return rate, () if read is None else read(json.loads(last.split(b"\r\n\r\n", 1)[1]))

    return run


def _peer(
    held: ExitStack, name: str, app: str, path: str, body: bytes, read: Callable[[Any], Sequence[float]] | None,
    asked: Asked | None = None,
) -> Peer:  # fmt: skip
    digits = None if read is None else 12
    try:
        server = held.enter_context(servers.uvicorn(environments.libraries(), app, SERVER_CORE))
    except Unavailable as error:
        return Peer(name, None, asked, digits, str(error))
    return Peer(name, loaded(server, path, body, read), asked, digits)


def _mlserver(held: ExitStack, row: list[float], train: tuple[Any, Any]) -> Peer:
    """MLServer answering in its own process: without its pool of workers it is faster on one core."""
    name, asked = "MLServer's sklearn runtime", times(8)
    inputs = {"inputs": [{"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}]}
    try:
        server = held.enter_context(mlserver(SERVER_CORE, *train))
    except Unavailable as error:
        return Peer(name, None, asked, 12, str(error))
    run = loaded(server, "/v2/models/line/infer", json.dumps(inputs).encode(), lambda answer: answer["outputs"][0]["data"])
    return Peer(name, run, asked, 12)


@contextmanager
def mlserver(core: int | None, X: Any, y: Any) -> Iterator[Server]:
    """MLServer with a linear regression of scikit-learn. Raises: Unavailable."""
    environment: Environment = environments.mlserver()
    with tempfile.TemporaryDirectory(prefix="linefit-bench-") as scratch:
        folder, ports = Path(scratch), [servers.free_port() for _ in range(3)]
        fitted = f"import joblib, numpy; from sklearn.linear_model import LinearRegression; joblib.dump(LinearRegression().fit(numpy.array({np.asarray(X).tolist()}), {np.asarray(y).tolist()}), {str(folder / 'line.joblib')!r})"
        servers.run(environment.python, "-c", fitted)
        settings = {
            "http_port": ports[0], "grpc_port": ports[1], "metrics_port": ports[2], "host": "127.0.0.1", "parallel_workers": 0,
            "debug": False,
        }  # fmt: skip
        model = {"name": "line", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "line.joblib"}}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
        path = {"PATH": f"{environment.bin}{os.pathsep}{os.environ['PATH']}"}
        command = [environment.python, environment.bin / "mlserver", "start", folder]
        with servers.serving(command, ports[0], "/v2/models/line/ready", core, path, folder) as server:
            yield server


def _ceiling(held: ExitStack, body: bytes) -> Peer:
    """The load generator at a server that does nothing: whoever is measured is slower than this, or the generator is the limit."""
    port = servers.free_port()
    command = [sys.executable, "-c", f"from benchmarks import load; load.serve_nothing({port})"]
    server = held.enter_context(servers.serving(command, port, "/", SERVER_CORE, cwd=ROOT))
    return Peer("what the load generator reaches at a server that does nothing", loaded(server, "/predict", body, None))


def _answer_bytes(server: Server, body: bytes) -> int:
    return len(calls.send(server.port, "/predict", body, calls.JSON))


def _coefficients(answer: Any) -> Sequence[float]:
    return [answer["intercept"], *answer["coef"]]


def _predictions(answer: Any) -> Sequence[float]:
    return list(answer["predictions"])
