"""`/jobs`: fits under way and ended, their events and their epochs."""

import asyncio
from typing import Annotated

import numpy as np
import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.api import streams
from service.api.bodies import JSON
from service.api.lists import After, Limit, Listed, listed
from service.api.problems import responses
from service.api.services import Use
from service.api.shown import JobOut, shown_job
from service.ingest.json_rows import Integer
from service.jobs.state import NoSuchEpoch
from service.registry.errors import NotFound

router = APIRouter(tags=["jobs"])


class EpochOut(BaseModel):
    """The state after an epoch; epoch 0 is the start. What does not fit a double is null."""

    epoch: int
    loss: float | None
    intercept: float | None
    coef: list[float | None]


@router.get("/jobs", response_model=Listed[JobOut])
async def list_jobs(request: Request, use: Use, limit: Limit = 50, after: After = None) -> Response:
    """The jobs, newest first."""
    return await listed(request, lambda: use.jobs.page(limit, after), shown_job)


@router.get("/jobs/{job_id}", response_model=JobOut, responses=responses(NotFound))
async def get_job(use: Use, job_id: str) -> Response:
    """A job: its state and progress."""
    return Response(orjson.dumps(shown_job(await asyncio.to_thread(use.jobs.get, job_id))), media_type=JSON)


@router.delete(
    "/jobs/{job_id}", status_code=202, response_model=JobOut,
    responses=responses(NotFound) | {204: {"description": "It had ended, and is forgotten."}},
)  # fmt: skip
async def delete_job(use: Use, job_id: str) -> Response:
    """Cancel a job that is unfinished (202), or forget one that has ended (204); its model stays."""
    if not await asyncio.to_thread(use.jobs.cancel, job_id):
        return Response(status_code=204)
    job = await asyncio.to_thread(use.jobs.get, job_id)
    return Response(orjson.dumps(shown_job(job)), 202, media_type=JSON)


@router.get(
    "/jobs/{job_id}/events", response_class=Response,
    responses=responses(NotFound) | streams.IN_OPENAPI | {204: {"description": "`Last-Event-ID: end`: there is no more."}},
)  # fmt: skip
async def get_events(
    request: Request,
    use: Use,
    job_id: str,
    after: Annotated[Integer | None, Query(ge=-1, description="go on after this epoch, as `Last-Event-ID` does")] = None,
    every: Annotated[
        Integer | None, Query(ge=1, description="send every n-th epoch; the first and the last are always sent")
    ] = None,
) -> Response:
    """The job's server-sent events; every epoch up to 100,000 of them, beyond that every n-th, which the `job` event says."""
    job = await asyncio.to_thread(use.jobs.get, job_id)
    go_on_after = streams.resume_after(request, after)
    if go_on_after is None:
        return Response(status_code=204)
    return streams.streamed_events(use, job, go_on_after, every)


@router.get("/jobs/{job_id}/epochs/{epoch}", response_model=EpochOut, responses=responses(NotFound, NoSuchEpoch))
async def get_epoch(use: Use, job_id: str, epoch: Annotated[Integer, Path(ge=0)]) -> Response:
    """The state after any one epoch."""

    def state() -> bytes:
        job = use.jobs.get(job_id)
        if job.task.descent is None or epoch > job.epoch:
            raise NoSuchEpoch(epoch, None if job.task.descent is None else job.epoch)
        loss, theta = use.jobs.states(job, np.array([epoch]))
        return orjson.dumps(
            {"epoch": epoch, "loss": loss[0], "intercept": theta[0, 0], "coef": theta[0, 1:].tolist()},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )

    return Response(await asyncio.to_thread(state), media_type=JSON)
