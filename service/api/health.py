"""Whether the service lives and can work, and what it allows."""

import asyncio
import logging
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from service.api.errors import NotReady
from service.api.problems import responses
from service.api.services import Use
from service.store.tables import datasets

log = logging.getLogger(__name__)
router = APIRouter(tags=["service"])


class Health(BaseModel):
    """All is well."""

    status: str = "ok"


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """Whoever opens the service in a browser finds its API's page."""
    return RedirectResponse("docs")


@router.get("/healthz")
async def healthz() -> Health:
    """The process lives."""
    return Health()


@router.get("/readyz", responses=responses(NotReady))
async def readyz(use: Use) -> Health:
    """The database answers, and has the tables."""

    def ask() -> None:
        with use.store.read() as connection:
            connection.execute(sa.select(datasets.c.seq).limit(1))

    try:
        await asyncio.to_thread(ask)
    except sa.exc.SQLAlchemyError as error:
        log.exception("the database does not answer")
        raise NotReady from error
    return Health()


@router.get("/limits")
async def limits(use: Use) -> dict[str, Any]:
    """Every limit on what a request may ask for, and its value. Each is a setting."""
    return asdict(use.limits)
