"""Whether an answer is one that openapi.json promises: its status, its type, and its body by JSON Schema, to the last field."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

CHECKED_IN = Path(__file__).parents[2] / "openapi.json"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float), "null": (type(None),), "array": (list,),
    "object": (dict,),
}  # fmt: skip
UNROUTED = {404, 405}  # what no operation says of itself: no such path, no such method


@dataclass(frozen=True, slots=True)
class Conformance:
    """The operations of one openapi.json."""

    schema: dict[str, Any]

    @classmethod
    def of_checked_in(cls) -> Self:
        return cls(json.loads(CHECKED_IN.read_text()))

    def check(self, response: httpx.Response) -> None:
        """Fails unless the operation promises this answer; streams of events are left to their readers."""
        method, url = response.request.method.lower(), response.request.url.path
        operation = self._operation(method, url)
        if operation is None:
            assert response.status_code in UNROUTED or not self._is_api(url), f"{method} {url} is not in openapi.json"
            return
        status = str(response.status_code)
        assert status in operation["responses"], f"{method} {url} does not promise {status}"
        promised = operation["responses"][status].get("content", {})
        type_ = response.headers.get("content-type", "").split(";")[0]
        if not promised:
            assert not response.read(), f"{method} {url} promises no body with {status}"
            return
        assert type_ in promised, f"{method} {url} does not promise {type_} with {status}"
        if type_.endswith("json"):
            response.read()
            wrong = list(self.faults(response.json(), promised[type_]["schema"], "$"))
            assert not wrong, f"{method} {url} {status}: {'; '.join(wrong[:5])}\n{response.text[:500]}"

    def faults(self, value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
        """What is not as the schema has it. A field that the schema does not name is a fault, but for a problem's own."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            yield from self.faults(value, self.schema["components"]["schemas"][name] | {"title": name}, at)
            return
        if "anyOf" in schema:
            tried = [list(self.faults(value, option, at)) for option in schema["anyOf"]]
            if all(tried):
                yield min(tried, key=len)[0]
            return
        expected = schema.get("type")
        if expected is not None and (
            not isinstance(value, TYPES[expected]) or (isinstance(value, bool) and expected != "boolean")
        ):
            yield f"{at} is {value!r}, not of type {expected}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{at} is {value!r}, not in {schema['enum']}"
        elif isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.faults(item, schema.get("items", {}), f"{at}[{i}]")
        elif isinstance(value, dict):
            yield from self._object_faults(value, schema, at)

    def _object_faults(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", "properties" not in schema)
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}.{name} is missing"
        for name, one in value.items():
            if name in fields:
                yield from self.faults(one, fields[name], f"{at}.{name}")
            elif isinstance(others, dict):
                yield from self.faults(one, others, f"{at}.{name}")
            elif not others and schema.get("title") != "Problem":
                yield f"{at}.{name} is not promised"

    def _operation(self, method: str, url: str) -> dict[str, Any] | None:
        exact = sorted(self.schema["paths"], key=lambda path: "{" in path)
        for path in exact:
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", path), url) and method in self.schema["paths"][path]:
                operation: dict[str, Any] = self.schema["paths"][path][method]
                return operation
        return None

    @staticmethod
    def _is_api(url: str) -> bool:
        return url not in ("/openapi.json", "/docs") and not url.startswith("/static")
