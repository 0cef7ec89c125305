"""Lists: newest first, a page at a time, the next one named in the body and in `Link`."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from service.ingest.json_rows import Integer
from service.registry.pages import Page

Item = TypeVar("Item")

Limit = Annotated[Integer, Query(ge=1, le=1000, description="how many items at most")]
After = Annotated[Integer | None, Query(ge=0, description="where the page begins: `next` of the page before")]


class Listed(BaseModel, Generic[Item]):
    """A page of a list, newest first."""

    items: list[Item]
    next: int | None = Field(description="the next page's `after`; null at the end")


async def listed(request: Request, ask: Callable[[], Page[Item]], shown: Callable[[Item], Any]) -> Response:
    """The page that `ask` finds, as a response; all of it in a thread, for a page of wide items takes a while to write."""

    def made() -> Response:
        page, headers = ask(), {}
        if page.next is not None:
            url = request.url.include_query_params(after=page.next)
            headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        body = orjson.dumps({"items": [shown(item) for item in page.items], "next": page.next})
        return Response(body, headers=headers, media_type="application/json")

    return await asyncio.to_thread(made)
