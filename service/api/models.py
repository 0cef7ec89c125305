"""`/models`: the registry of fitted models."""

import asyncio

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON
from service.api.lists import After, Limit, Listed, listed
from service.api.problems import responses
from service.api.services import Use
from service.api.shown import ModelOut, shown_model
from service.registry.errors import ModelInUse, NotFound

router = APIRouter(tags=["models"])


@router.get("/models", response_model=Listed[ModelOut])
async def list_models(request: Request, use: Use, limit: Limit = 50, after: After = None) -> Response:
    """The models, newest first."""
    return await listed(request, lambda: use.models.page(limit, after), lambda model: shown_model(model, use.datasets))


@router.get("/models/{model_id}", response_model=ModelOut, responses=responses(NotFound))
async def get_model(use: Use, model_id: str) -> Response:
    """A model, by its id or an alias."""
    body = await asyncio.to_thread(lambda: shown_model(use.models.get(model_id), use.datasets))
    return Response(orjson.dumps(body), media_type=JSON)


@router.delete("/models/{model_id}", status_code=204, responses=responses(NotFound, ModelInUse))
async def delete_model(use: Use, model_id: str) -> Response:
    """Forget a model, by its id. An alias that names it must be moved or deleted first."""
    await asyncio.to_thread(use.models.delete, model_id)
    return Response(status_code=204)
