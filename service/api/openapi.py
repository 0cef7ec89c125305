"""openapi.json, with what routes read by themselves: bodies as bytes, problems by their types."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.api.bodies import SCHEMAS
from service.api.problems import Problem

REF = "#/components/schemas/{model}"


def openapi(app: FastAPI) -> dict[str, Any]:
    """The schema of the app, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        defined = schema.setdefault("components", {}).setdefault("schemas", {})
        models: list[type[BaseModel]] = [*SCHEMAS.values(), Problem]
        for model in models:
            own = model.model_json_schema(ref_template=REF)
            defined |= own.pop("$defs", {}) | {model.__name__: own}
        for path in schema["paths"].values():
            for operation in path.values():
                refused = operation["responses"].get("422", {}).get("content", {})
                if "HTTPValidationError" in str(refused.get("application/json")):
                    problem = {"schema": {"$ref": REF.format(model="Problem")}}
                    operation["responses"]["422"] = {
                        "description": "`/problems/invalid-parameter`", "content": {"application/problem+json": problem}
                    }  # fmt: skip
        for name in ("HTTPValidationError", "ValidationError"):
            defined.pop(name, None)
        schema["components"]["schemas"] = dict(sorted(defined.items()))
        app.openapi_schema = schema
    return app.openapi_schema
