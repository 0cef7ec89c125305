"""What was measured, and where: the y of an inversion and the values of the other features, as JSON has them."""

import math
from typing import Any

import numpy as np

from service.api.errors import InvalidValue
from service.ingest.errors import InvalidFields
from service.solver.inversion import IntervalOf

MOST_ASKED = 1000  # y in one request: 60 ms of straight lines, 0.3 s of parabolas, 1.7 s of degree 6
MOST_REPLICATES = 1000

NUMBER = {"type": "number"}
REPLICATES = {"type": "array", "items": NUMBER, "minItems": 1, "maxItems": MOST_REPLICATES}
ASKED = {"type": "array", "items": {"anyOf": [NUMBER, REPLICATES]}, "minItems": 1, "maxItems": MOST_ASKED}
CELL = {"anyOf": [NUMBER, {"type": "string"}, {"type": "boolean"}]}


def measured(y: Any, interval: IntervalOf) -> list[list[float]]:
    """The replicates of each unknown x. Raises: InvalidFields; InvalidValue: replicates of a threshold."""
    whole = y.tolist() if isinstance(y, np.ndarray) else y  # a long list of numbers is read apart
    sent = _list("/y", whole, MOST_ASKED, "measurements, or lists of replicates")
    found = []
    for i, one in enumerate(sent):
        if not isinstance(one, list):
            found.append([_number(one, f"/y/{i}", "a number, or a list of numbers")])
            continue
        found.append(
            [_number(value, f"/y/{i}/{j}") for j, value in enumerate(_list(f"/y/{i}", one, MOST_REPLICATES, "numbers"))]
        )
        if interval == "confidence" and len(one) > 1:
            raise InvalidValue(f"/y/{i}", "a threshold has no replicates: interval confidence takes one number each")
    return found


def cells(at: dict[str, Any]) -> dict[str, float | str | bool]:
    """Values of features by name. Raises: InvalidFields."""
    return {
        name: value if isinstance(value, bool | str) else _number(value, pointer(name), "a number, a boolean or a string")
        for name, value in at.items()
    }


def pointer(name: str) -> str:
    """Where the value of a feature stands in the body."""
    return "/at/" + name.replace("~", "~0").replace("/", "~1")


def _list(place: str, value: Any, most: int, of: str) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise InvalidFields([(place, f"expected a list of 1 to {most} {of}")])
    return value


def _number(value: Any, place: str, expected: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidFields([(place, f"expected {expected}")])
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):  # NaN stands for the null of a long list
        raise InvalidFields([(place, "expected a finite number that float64 can hold")])
    return number
