"""The short way to calls that are made often: to the function of their route, past what a framework does for any route."""

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Any, cast

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.api import problems
from service.api.services import Services

Endpoint = Callable[[Request, Services], Awaitable[Response]]
HEADERS = frozenset({b"idempotency-key", b"prefer"})  # parameters of routes


class Direct:
    """Without a query, or a header that is a parameter, FastAPI has nothing to read or to refuse: the function has its defaults.

    Middleware, routing and parameters take longer than the prediction of a row.
    """

    def __init__(self, app: FastAPI, endpoints: Mapping[tuple[str, str], Endpoint]) -> None:
        """Args: endpoints: by method and path, functions of routes of the app, where they stay declared for openapi.json.

        They have no parameter in the path; those in the query or in HEADERS have defaults.
        """
        self._app, self._endpoints = app, endpoints
        # What a proxy says of its client is for the addresses that the framework makes; to look for it takes 1 µs.
        self._framework: Any = ProxyHeadersMiddleware(cast("Any", app), os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1"))

    @cached_property
    def _services(self) -> Services:
        services: Services = self._app.state.services  # there since the app has started
        return services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_plain = scope["type"] == "http" and not scope["query_string"]
        endpoint = self._endpoints.get((scope["method"], scope["path"])) if is_plain else None
        if endpoint is None or not HEADERS.isdisjoint(dict(scope["headers"])):
            await self._framework(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await endpoint(request, self._services)
        except problems.FAMILIES as error:
            response = await problems.on_error(request, error)
        except Exception as error:
            await (await problems.on_error(request, error))(scope, receive, send)
            raise  # as the framework does: the server says where in its log, and closes the connection
        await response(scope, receive, send)
