"""NIST's reference sets for linear regression: as bodies to send, and their exact fits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.api.exact import ExactFit, exact_fit, read
from tests.api.expanded import expanded
from tests.api.made import CSV, JSON, Sent

SETS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "solver" / "nist_strd.json").read_text())


def columns(name: str) -> dict[str, list[str]]:
    """A set's columns as NIST prints them, the target last."""
    data = SETS[name]
    p = len(data["x"][0])
    features = ["x"] if p == 1 else [f"x{1 + j}" for j in range(p)]
    return {feature: [row[j] for row in data["x"]] for j, feature in enumerate(features)} | {"y": data["y"]}


def rows_of(name: str, order: Sequence[int]) -> dict[str, list[str]]:
    """Some rows of a set, in an order."""
    return {column: [values[i] for i in order] for column, values in columns(name).items()}


def options(name: str) -> dict[str, Any]:
    """How to fit it."""
    return {"target": "y", "degree": SETS[name]["degree"], "fit_intercept": SETS[name]["intercept"]}


def as_json(texts: dict[str, list[str]], **fields: object) -> Sent:
    """A JSON body whose numbers are the very texts."""
    cells = ",".join(f"{json.dumps(name)}:[{','.join(values)}]" for name, values in texts.items())
    rest = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in fields.items())
    return {"content": f'{{"columns":{{{cells}}}{rest}}}'.encode(), "headers": {"Content-Type": JSON}}


def as_csv(texts: dict[str, list[str]]) -> Sent:
    lines = [",".join(texts), *(",".join(row) for row in zip(*texts.values(), strict=True))]
    return {"content": "\n".join(lines).encode(), "headers": {"Content-Type": CSV}}


@cache
def exact(name: str, numbers: str) -> ExactFit:
    """The fit of the numbers as they are read."""
    y = [read(value, numbers) for value in SETS[name]["y"]]
    return exact_fit(terms(name, numbers), y, fit_intercept=SETS[name]["intercept"])


@cache
def terms(name: str, numbers: str) -> dict[str, Any]:
    """The terms of each row."""
    floats = {column: [float(value) for value in values] for column, values in columns(name).items()}
    features = [column for column in floats if column != "y"]
    return expanded(floats, features, numbers, degree=SETS[name]["degree"])


def digits(got: float, certified: str) -> float:
    """The number of right digits: -log10 of the relative error, of the absolute one where 0 is certified."""
    right = Decimal(certified)
    error = abs(Decimal(got) - right) / (abs(right) or 1)
    return float(-error.log10()) if error else 20.0
