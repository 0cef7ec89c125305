"""`/aliases`: names in place of a model's id, moved atomically."""

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Header
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from service.api.bodies import JSON, content_type, json_body, parsed, read
from service.api.errors import BodyTimeout, BodyTooLarge, InvalidValue, UnsupportedMediaType
from service.api.lists import After, Limit, Listed, listed
from service.api.problems import responses
from service.api.services import Use
from service.ingest.errors import InvalidFields, NotJson, shown
from service.ingest.json_rows import Strict
from service.registry.aliases import ALIAS, Alias
from service.registry.errors import AliasMoved, NotFound

router = APIRouter(tags=["aliases"])

IfMatch = Annotated[str | None, Header(description="the ETag that the alias must have; * for any")]
IfNoneMatch = Annotated[str | None, Header(description="*: only if there is no such alias yet")]


class AliasRequest(Strict):
    """What an alias shall stand for."""

    model_id: str


class AliasOut(BaseModel):
    """An alias and its model."""

    name: str
    model_id: str
    updated_at: str


@router.get("/aliases", response_model=Listed[AliasOut])
async def list_aliases(request: Request, use: Use, limit: Limit = 50, after: After = None) -> Response:
    """The aliases, newest first."""
    return await listed(request, lambda: use.aliases.page(limit, after), _shown)


@router.get("/aliases/{name}", response_model=AliasOut, responses=responses(NotFound))
async def get_alias(use: Use, name: str) -> Response:
    """An alias; its ETag changes with every move."""
    return _answer(await asyncio.to_thread(use.aliases.get, name), 200)


@router.put(
    "/aliases/{name}", response_model=AliasOut,
    responses=responses(NotFound, AliasMoved, InvalidValue, InvalidFields, NotJson, UnsupportedMediaType, BodyTooLarge,
                        BodyTimeout)
    | {201: {"model": AliasOut}},
    openapi_extra=json_body(AliasRequest, example={"model_id": "mdl_0123456789abcdef0123"}),
)  # fmt: skip
async def put_alias(
    request: Request, use: Use, name: str, if_match: IfMatch = None, if_none_match: IfNoneMatch = None
) -> Response:
    """Make an alias (201) or move it (200), at once for everybody."""
    if ALIAS.fullmatch(name) is None:
        raise InvalidValue(
            "",
            parameter="name",
            why=f"the alias {shown(name)!r} cannot be used: it must have 1 to 64 of a-z, 0-9, '.', '_' and '-', begin with a letter "
            "or a digit, and not with ds_, mdl_ or job_ as ids do",
        )
    content_type(request, (JSON,))
    body = await parsed(await read(request, use.limits), AliasRequest)
    alias, is_new = await asyncio.to_thread(
        lambda: use.aliases.put(name, body.model_id, _etags(if_match), only_if_new=if_none_match == "*")
    )
    return _answer(alias, 201 if is_new else 200)


@router.delete("/aliases/{name}", status_code=204, responses=responses(NotFound, AliasMoved))
async def delete_alias(use: Use, name: str, if_match: IfMatch = None) -> Response:
    """Forget an alias; its model stays."""
    await asyncio.to_thread(use.aliases.delete, name, _etags(if_match))
    return Response(status_code=204)


def _etags(if_match: str | None) -> list[str] | None:
    return None if if_match is None else [etag.strip().strip('"') for etag in if_match.split(",")]


def _shown(alias: Alias) -> dict[str, str]:
    return {"name": alias.name, "model_id": alias.model_id, "updated_at": alias.updated_at}


def _answer(alias: Alias, status: int) -> Response:
    headers = {"ETag": f'"{alias.etag}"'} | ({"Location": f"/aliases/{alias.name}"} if status == 201 else {})
    return Response(orjson.dumps(_shown(alias)), status, headers, JSON)
