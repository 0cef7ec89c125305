"""What a row of the table works with: processes in either environment, contestants in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import environments
from benchmarks.environments import Unavailable
from benchmarks.figures import Asked
from benchmarks.measure import Peer, Run
from benchmarks.worker import Worker


@contextmanager
def ours() -> Iterator[Worker]:
    """A process with linefit's packages."""
    with Worker(environments.OURS) as worker:
        yield worker


@contextmanager
def theirs() -> Iterator[Worker | None]:
    """A process with the peers' packages, or None if they cannot be had."""
    try:
        environment = environments.libraries()
    except Unavailable:
        yield None
        return
    with Worker(environment.python) as worker:
        yield worker


def calling(worker: Worker, function: str, *arguments: Any) -> Run:
    """A run that is a call which gives a figure and an answer."""

    def run() -> tuple[float, list[float]]:
        figure, answer = worker.call(function, *(str(one) if isinstance(one, Path) else one for one in arguments))
        return float(figure), answer

    return run


def peer(
    name: str, worker: Worker | None, function: str, *arguments: Any, asked: Asked | None = None, digits: float | None = None,
    note: str = "",
) -> Peer:  # fmt: skip
    """A peer that runs in a worker of the peers' environment."""
    if worker is None:
        return Peer(name, None, asked, digits, "its packages could not be installed here")
    return Peer(name, calling(worker, function, *arguments), asked, digits, note)


def times(least: float) -> Asked:
    """At least so many times faster."""
    return Asked(least=least, text=f"at least {least:g} times faster")
