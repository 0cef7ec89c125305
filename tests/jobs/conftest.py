"""Jobs in this process, over a real store in a folder of the test's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.jobs.runner import Jobs
from service.jobs.trajectories import Trajectories
from service.jobs.work import Work
from service.jobs.workers import Solver
from service.registry.aliases import Aliases
from service.registry.datasets import Datasets
from service.registry.models import Models
from service.store.tables import Store
from tests.registry.opened import Opened


@dataclass(frozen=True)
class Workshop:
    """All that a job needs."""

    store: Store
    datasets: Datasets
    jobs: Jobs


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    store, solver, rows = Store(f"sqlite:///{tmp_path / 'test.db'}"), Solver(1), tmp_path / "rows"
    opened = Opened.over(store, rows)
    datasets = opened.datasets
    work = Work(
        store=store, datasets=datasets, sums=opened.sums, solver=solver, trajectories=Trajectories(store, solver), rows_folder=rows,
        checkpoint_s=0.01,
    )  # fmt: skip
    jobs = Jobs(
        store, Models(store, Aliases(store, 10), 10), work, lambda error: {"detail": str(error)}, threads=2, max_unfinished=10
    )
    yield Workshop(store, datasets, jobs)
    jobs.close()
    store.close()
