"""Parameters of the address: one that a call does not know is refused, for a slip in its name would change what is done."""

from difflib import get_close_matches

from fastapi.routing import APIRoute
from starlette.requests import Request

from service.api.errors import InvalidValue


async def require_known(request: Request) -> None:
    """For every route: what openapi.json says of the call is all that it takes. Raises: InvalidValue."""
    route = request.scope["route"]
    if not request.query_params or not isinstance(route, APIRoute):
        return
    operation = request.app.openapi()["paths"][route.path][request.method.lower()]
    asked = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    if any(parameter.get("explode") for parameter in asked):  # of any name, as the features of a model
        return
    known = [parameter["name"] for parameter in asked]
    for name in request.query_params:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; {near[0]!r} is" if near else ""
            raise InvalidValue("", f"{name[:80]!r} is no parameter of this call{hint}", parameter=name[:80])
