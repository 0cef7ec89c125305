"""What routes work with, as the app wires it."""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import Request

from service.api.one_a_turn import OneATurn
from service.ingest.sources import Root
from service.jobs.diagnosing import Diagnoses
from service.jobs.events import Events
from service.jobs.runner import Jobs
from service.jobs.spreads import Spreads
from service.jobs.workers import Solver
from service.registry.aliases import Aliases
from service.registry.datasets import Datasets
from service.registry.fitted_rows import FittedRows
from service.registry.models import Models
from service.registry.receipts import Receipts
from service.registry.sums import Sums
from service.store.tables import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may ask for."""

    max_body_bytes: int
    max_json_bytes: int
    max_rows: int
    max_columns: int
    body_idle_s: float
    max_predict_rows: int
    max_predict_cells: int
    max_page_rows: int
    max_page_cells: int
    max_epochs: int
    max_minibatch_epochs: int
    max_history_bytes: int
    max_descent_columns: int
    max_upload_moments_columns: int
    max_wait_s: int
    max_unfinished_jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The registry, the jobs and the limits."""

    store: Store
    datasets: Datasets
    sums: Sums
    models: Models
    fitted_rows: FittedRows
    aliases: Aliases
    receipts: Receipts
    jobs: Jobs
    short_fits: OneATurn  # on the event loop
    spreads: Spreads
    diagnoses: Diagnoses
    solver: Solver
    events: Events
    limits: Limits
    roots: tuple[Root, ...]  # under which a source may be read
    folder: Path  # for bodies that must be on disk before they can be read
    upload_threads: Executor  # of their own: an upload holds its thread for as long as its client takes


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Use = Annotated[Services, Depends(_services)]
