"""A job as a response that streams its server-sent events."""

import re
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.api.services import Services
from service.api.shown import shown_job, shown_model
from service.jobs.events import END
from service.jobs.state import Job
from service.registry.errors import NotFound

EVENT_STREAM = "text/event-stream"
EPOCH = re.compile(r"[0-9]{1,18}")
# No proxy may hold events back, compress them or keep them.
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
IN_OPENAPI = {
    200: {
        "description": "`event: job`; then `event: epoch` with `id: <epoch>`, and `progress` on long passes over rows; at last "
        "one of `done` (the model), `failed` (the problem), `cancelled`, whose id is `end`.",
        "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
    }
}


def streamed_events(use: Services, job: Job, after: int, every: int | None, headers: dict[str, str] | None = None) -> Response:
    """The job's events after an epoch (-1: from the start), to its end."""

    def ending(job: Job) -> dict[str, object]:
        if job.model_id is not None:
            with suppress(NotFound):  # it was deleted: the job says what it was called
                return shown_model(use.models.get(job.model_id), use.datasets)
        return job.problem if job.problem is not None else shown_job(job)

    events = use.events.follow(job, after, every, shown_job, ending)
    return StreamingResponse(events, headers=HEADERS | (headers or {}), media_type=EVENT_STREAM)


def accepts_events(request: Request) -> bool:
    """Whether the client asks for a stream of events."""
    return EVENT_STREAM in request.headers.get("accept", "")


def resume_after(request: Request, after: int | None) -> int | None:
    """The epoch after which a stream goes on, -1 for all of it; None if the client has seen its end."""
    last = request.headers.get("last-event-id", "").strip()
    if last == END:
        return None
    if EPOCH.fullmatch(last):
        return int(last)
    return -1 if after is None else after
