"""Gradient descent over HTTP, every event read, beside the loops that people write."""

import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks import calls, data, servers, streams
from benchmarks.figures import Asked, Bound, Row
from benchmarks.lab import calling, ours, peer, theirs, times
from benchmarks.measure import Peer, Sample, compete

N, P, EPOCHS = 1_000_000, 10, 10_000
LOOPED = 20  # epochs of the loop that are really run: all would take minutes
LEARNING_RATE = 0.1
BATCH = 256
LIBRARIES = "benchmarks.peers.libraries"


def batch_descent() -> Row:
    """From the request to the last of its 10,001 events."""
    path = data.rows(N, P + 1)
    body = {"target": "y", "method": "gradient_descent", "learning_rate": LEARNING_RATE}
    with ExitStack() as held:
        peers, server = held.enter_context(theirs()), held.enter_context(servers.linefit())
        dataset = calls.upload(server.port, "/datasets", data.arrow(N, P + 1), calls.ARROW)["id"]

        def descend() -> Sample:
            started = time.perf_counter()
            found = streams.read(server.port, "/fit", body | {"dataset_id": dataset, "epochs": EPOCHS})
            seconds = time.perf_counter() - started
            assert found.n_epochs == EPOCHS + 1
            early = calls.get(server.port, f"/jobs/{found.job_id}/epochs/{LOOPED}")
            return seconds, [early["intercept"], *early["coef"]]

        loop = peer("row loop in numpy", peers, f"{LIBRARIES}:epochs_of_batch_descent", path, LOOPED, LEARNING_RATE)
        if loop.run is not None:
            per_epoch = loop.run
            note = f"{LOOPED} of its epochs times {EPOCHS // LOOPED}"
            loop = Peer(loop.name, lambda: _all_epochs(*per_epoch()), times(1000), 12, note)
        row = compete(
            "batch_descent",
            f"{EPOCHS:,} epochs of batch descent, {N:,} x {P}, over HTTP, all events read",
            "s",
            descend,
            [loop],
        )
    bound = Bound(what="time of all epochs", value=row.value, unit="s", limit=0.1, text="under 0.1 s")
    return row.model_copy(update={"bounds": [bound]})


def _all_epochs(seconds: float, theta: Sequence[float]) -> Sample:
    return seconds * EPOCHS, theta


def minibatch_epoch() -> Row:
    """One pass, from the request to the model: its order is drawn, its rows are read from disk and its loss is computed."""
    path = data.rows(N, P + 1)
    body = {
        "target": "y",
        "method": "gradient_descent",
        "batch_size": BATCH,
        "epochs": 1,
        "random_state": 0,
        "learning_rate": 0.01,
    }
    with ExitStack() as held:
        peers, solver = held.enter_context(theirs()), held.enter_context(ours())
        server = held.enter_context(servers.linefit())
        dataset = calls.upload(server.port, "/datasets", data.arrow(N, P + 1), calls.ARROW)["id"]

        def descend() -> Sample:
            started = time.perf_counter()
            model = calls.post(server.port, "/fit", body | {"dataset_id": dataset}, Prefer="wait=60")
            return time.perf_counter() - started, [model["intercept"], *model["coef"]]

        sgd = peer(
            "scikit-learn SGDRegressor, a row a step", peers, f"{LIBRARIES}:epoch_of_sgd", path, digits=1.5,
            asked=Asked(least=1.0, text="not slower"),
        )  # fmt: skip
        alone = Peer(
            "linefit's solver alone, rows in memory",
            calling(solver, "benchmarks.ours:minibatch_epoch", path, BATCH),
            None,
            1.5,
        )
        work = f"one epoch of mini-batch descent ({BATCH} rows), {N:,} x {P}, over HTTP"
        return compete("minibatch_epoch", work, "s", descend, [sgd, alone])
