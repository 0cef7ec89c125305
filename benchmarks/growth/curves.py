"""Time against size, and what was measured beside heavy work: frozen, and written to results.json as they are."""

import math
import statistics

from pydantic import BaseModel, ConfigDict

LAST = 3  # points that the slope is taken of: below them what does not grow is most of the time


class Curve(BaseModel):
    """Time (s) at several sizes. `theory`: the slope on logarithmic axes that it should come to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    against: str  # what grows: rows, columns, …
    work: str
    points: list[tuple[float, float]]
    theory: float
    why: str  # of the theory
    commit: str = ""

    @property
    def slope(self) -> float:
        """Of the logarithm of time against that of size, by least squares over the largest sizes."""
        logs = [(math.log(size), math.log(seconds)) for size, seconds in self.points[-LAST:]]
        return statistics.linear_regression(*zip(*logs, strict=True)).slope


class Beside(BaseModel):
    """How long a prediction of one row takes while something else goes on: seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    load: str
    p50: float
    p99: float
    n: int
    most_ratio: float | None = None  # so many times the idle p99 its own may be
    commit: str = ""
