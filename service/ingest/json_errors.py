"""What Pydantic found wrong with a body, in the words of JSON."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from service.ingest.errors import InvalidFields, NotJson, shown

REPORTED = 20
MOST_ERRORS = 10_000  # looked at for those that are reported; Pydantic makes an object of each, and holds the lock for it

_EXPECTED = {
    "cell_type": "a number, a boolean or a string",  # of ours: that of a cell that would have said its column's type
    "float_type": "a number",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "bool_type": "a boolean",
    "string_type": "a string",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_PLACE = re.compile(r"(?P<why>.*) at line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)


def explained(error: ValidationError) -> NotJson | InvalidFields:
    """The first 20 errors with a JSON pointer each; one that points nowhere if there are more than MOST_ERRORS."""
    if error.error_count() > MOST_ERRORS:
        return InvalidFields([("", f"{error.error_count()} values in it are wrong or unknown, too many to tell which")])
    found = error.errors(include_url=False)
    if found[0]["type"] == "json_invalid":
        text = str(found[0]["ctx"]["error"])
        place = _PLACE.fullmatch(text)
        return NotJson(place["why"], int(place["line"]), int(place["column"])) if place else NotJson(text)
    reported = _likeliest(found)
    return InvalidFields([(_pointer(at), _message(one)) for at, one in reported][:REPORTED])


Place = tuple[int | str, ...]


def _likeliest(found: Iterable[Any]) -> Iterable[tuple[Place, Any]]:
    """Of the errors that a column got as numbers, as booleans and as text, the one that was met last.

    Where all three stop at one cell, nothing before it said the type.
    """
    kept: dict[Place, tuple[Place, Any]] = {}
    untyped: dict[Place, bool] = {}
    for one in found:
        at: Place = one["loc"]
        if at[:1] in (("moments",), ("weights",)):
            at = (*at[:1], *at[2:])
        if at[:1] == ("columns",) and len(at) > 2:
            key, at = at[:2], (*at[:2], *at[3:])  # the third is the reading tried, which the sender never wrote
            untyped[key] = untyped.get(key, len(at) > 2) and kept.get(key, (at,))[0] == at
            if key in kept and kept[key][0][2:] >= at[2:]:
                continue
        else:
            key = at
        kept[key] = (at, one)
    for key, (at, one) in kept.items():
        yield at, one | {"type": "cell_type"} if untyped.get(key) and one["type"] == "float_type" else one


def _message(one: Any) -> str:
    kind, value = one["type"], one["input"]
    if kind == "extra_forbidden":
        return "unknown field"
    if kind == "finite_number":
        return "expected a finite number that float64 can hold"
    if kind == "too_long":
        return f"expected a list of at most {one['ctx']['max_length']}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {_as_json(value)}"
    return str(one["msg"][:1].lower() + one["msg"][1:])


def _as_json(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return shown(json.dumps(value, ensure_ascii=False))


def _pointer(at: Place) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in at)
