"""The wiring, and nothing else."""

import asyncio
import fcntl
import logging
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from service.api import (
    aliases,
    changes,
    compare,
    datasets,
    diagnostics,
    fit,
    health,
    hypotheses,
    invert,
    jobs,
    models,
    moments,
    predict,
    problems,
    rows,
    summary,
)
from service.api.direct import Direct
from service.api.one_a_turn import OneATurn
from service.api.openapi import openapi
from service.api.parameters import require_known
from service.api.services import Limits, Services
from service.ingest.sources import Root
from service.jobs import table
from service.jobs.diagnosing import Diagnoses
from service.jobs.events import Events
from service.jobs.runner import Jobs
from service.jobs.spreads import Spreads
from service.jobs.trajectories import Trajectories
from service.jobs.work import Work
from service.jobs.workers import Solver
from service.registry.aliases import Aliases
from service.registry.datasets import Datasets
from service.registry.fitted_rows import FittedRows
from service.registry.models import Models
from service.registry.panels import Panels
from service.registry.ranges import Ranges
from service.registry.receipts import Receipts
from service.registry.sums import Sums
from service.settings import Settings
from service.solver.allocator import give_back, keep_freed
from service.solver.blas import one_thread
from service.solver.slicing.slices import blas_is_exact
from service.solver.threads import give_way, usable_cores, use_threads
from service.store.rows import sweep
from service.store.tables import Store

log = logging.getLogger(__name__)

# For so long a thread that computes in Python keeps the event loop waiting, several times a request. One-row predictions beside
# fits of 400 columns, 99th percentile: 5 ms and not 12, which Python's own 5 ms come to; uploads and tiny fits a second
# differ by less than from run to run.
SWITCH_S = 0.0005


class Refused(Exception):
    """The service cannot start here."""


def create_app(settings: Settings) -> FastAPI:
    """The service. It takes hold of its data folder when it starts, and lets go when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.request_threads, "request"))
        with ExitStack() as held:
            services = app.state.services = _started(settings, held)
            services.jobs.resume()
            give_back()
            yield

    app = FastAPIOffline(
        title="linefit", version=version("linefit"), summary="Fits linear models: exactly, and proves it.",
        lifespan=lifespan, redoc_url=None,
        generate_unique_id_function=lambda route: route.name,  # what generated clients call their functions
    )  # fmt: skip
    app.openapi = partial(openapi, app)  # type: ignore[method-assign]  # the way FastAPI documents
    for module in (
        datasets, rows, moments, fit, predict, models, summary, diagnostics, changes, hypotheses, invert, compare, aliases, jobs, health,
    ):  # fmt: skip
        app.include_router(module.router, dependencies=[Depends(require_known)])
    for error in problems.FAMILIES:
        app.add_exception_handler(error, problems.on_error)
    app.add_exception_handler(HTTPException, problems.on_http_error)
    app.add_exception_handler(RequestValidationError, problems.on_invalid_parameters)
    app.add_exception_handler(Exception, problems.on_error)
    return app


def served(app: FastAPI) -> Direct:
    """The app as a server should call it: what is asked for most does not go through all of the framework."""
    return Direct(app, {("POST", "/predict"): predict.predict, ("POST", "/fit"): fit.fit})


def _started(settings: Settings, held: ExitStack) -> Services:
    """Everything wired, and let go again, last first, by `held`. Raises: Refused."""
    one_thread()
    keep_freed()
    sys.setswitchinterval(SWITCH_S)
    use_threads(settings.solver_threads or usable_cores())
    if not blas_is_exact():
        raise Refused("this BLAS rounds sums of integers below 2^53: results would not be exact")
    folder = settings.data_dir.resolve()
    held.callback(os.close, _held(folder))
    store = Store(settings.database_url or f"sqlite:///{folder / 'linefit.db'}", settings.sqlite_synchronous)
    held.callback(store.close)
    uploads = held.enter_context(ThreadPoolExecutor(settings.upload_threads, "upload", initializer=give_way))
    rows_folder = folder / "rows"
    panels, ranges = Panels(store), Ranges(store)
    registry = Datasets(store, rows_folder, settings.max_upload_moments_columns, panels, ranges)
    sums = Sums(store, registry, panels, ranges, settings.max_columns - 1)
    named = Aliases(store, settings.model_cache)
    fitted = Models(store, named, settings.model_cache)
    solver = Solver(settings.solver_processes)
    fitted_rows = FittedRows(store, registry)
    spreads = Spreads(fitted, fitted_rows, solver)
    work = Work(
        store=store, datasets=registry, sums=sums, solver=solver, trajectories=Trajectories(store, solver), rows_folder=rows_folder,
        checkpoint_s=settings.checkpoint_s,
    )  # fmt: skip
    runner = Jobs(
        store, fitted, work, problems.describe, threads=settings.job_threads, max_unfinished=settings.max_unfinished_jobs
    )
    held.callback(runner.close)
    for gone in sweep(rows_folder, registry.files() | table.files(store)):
        log.info("removed %s, which was not finished", gone)
    return Services(
        store=store, datasets=registry, sums=sums, models=fitted, fitted_rows=fitted_rows, aliases=named, jobs=runner, short_fits=OneATurn(),
        spreads=spreads, diagnoses=Diagnoses(fitted, fitted_rows, spreads, solver), solver=solver,
        receipts=Receipts(store, settings.idempotency_ttl_s),
        events=Events(runner, settings.event_cache_bytes, settings.keep_alive_s),
        upload_threads=uploads,
        folder=folder,
        roots=tuple(map(Root, settings.source_roots.split())),
        limits=Limits(**settings.model_dump(include=set(Limits.__dataclass_fields__))),
    )  # fmt: skip


def check(settings: Settings) -> None:
    """Find out before the server starts whether this process may have the data folder. Raises: Refused."""
    os.close(_held(settings.data_dir.resolve()))


def _held(folder: Path) -> int:
    """Be the one process that uses the folder: the lock goes with the process, however it ends. Raises: Refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused(f"another process is using {folder}") from None
    return descriptor
