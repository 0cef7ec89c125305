"""What of a fit takes its rows: how far it is off on average, where they lie, and robust errors; in one pass over them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.jobs.task import Task
from service.registry.clusters import Clusters
from service.registry.observations import Columns, Observations, RowsOfFit
from service.solver.evaluation import Evaluation
from service.solver.residual_summary import LOST
from service.solver.residuals import residuals
from service.solver.rounding import TOO_LARGE, double
from service.solver.sandwich import Covariance, Sandwich
from service.solver.summation import Summation

Floats = NDArray[np.float64]
Progress = Callable[[int], None]  # rows read; may raise to stop

MOST_CELLS = 1 << 21  # rows x terms that a fit looks at again without being asked: some 30 ms
# In units of the root mean square: the exact sums take no less, and it adds nothing.
_NEGLIGIBLE = 1e-140
# A mean is never above the root of the mean square, but for rounding.
_MOST_OF_RMS = 1 + 1e-6

MANY_ROWS = "takes the rows, which are many: GET /models/{id}/diagnostics has it"
NO_ROWS = "takes the rows, and none are kept"


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What the rows are held against."""

    evaluation: Evaluation
    rms: float | None  # of the residuals, by weight; None: larger than the largest double
    weight: float  # of all rows: their number without weights


@dataclass(frozen=True, slots=True, eq=False)
class RowFigures:
    """What was found. A figure that does not exist is None, and `reasons` says why."""

    mae: float | None = None
    log_weights: float | None = None  # the sum of their logarithms, of weights that say what a row counts; 0 without
    ranges: dict[str, list[float]] | None = None  # the least and the largest of each numeric feature
    covariance: Covariance | None = None
    cv: dict[str, Any] | None = None  # how far off it is on rows that it has not seen
    reasons: dict[str, str] = field(default_factory=dict)


def nothing(why: str, ranges: dict[str, list[float]] | None = None) -> RowFigures:
    """Of a fit whose rows are not looked at."""
    return RowFigures(ranges=ranges, reasons={"mae": why})


def of_rows(task: Task, rows: RowsOfFit, fitted: Fitted, sandwich: Sandwich | None, progress: Progress) -> RowFigures:
    """Raises: MissingValue: of the column of clusters; TooManyClusters, TooFewClusters; NotFound; what `progress` raises."""
    recipe = rows.recipe
    plan, clusters, seen = recipe.plan, Clusters(), _Seen(task, fitted)
    places = [j for j, base in enumerate(recipe.bases) if base.group is None]
    for block in rows.blocks():
        if len(block.y):
            e = residuals(fitted.evaluation, block.X, block.y, task.numbers, plan) if fitted.rms else np.zeros(len(block.y))
            seen.add(block, e, places)
            if sandwich is not None:
                groups = None if block.cluster is None else clusters.numbers(block.cluster)
                sandwich.add(block.X, e, block.weights, block.places, groups)
            progress(int(block.places[-1]) + 1 - rows.start)
    return seen.figures([recipe.bases[j].name for j in places], None if sandwich is None else sandwich.result())


def of_plain(task: Task, columns: Columns, fitted: Fitted) -> RowFigures:
    """The same of columns in memory that are the terms, none missing, without weights: 30 us for 50 x 1."""
    features = task.design.features
    X = np.array([columns[name] for name in features])
    low, high = X.min(axis=1) + 0.0, X.max(axis=1) + 0.0
    ranges = {name: [a, b] for name, a, b in zip(features, low.tolist(), high.tolist(), strict=True)}
    if not fitted.rms:
        mae, reasons = _mae_of(fitted, 0.0)
        return RowFigures(mae, 0.0, ranges, reasons=reasons)
    e = residuals(fitted.evaluation, X.T, columns[task.design.target], task.numbers)
    mae, reasons = _mae_of(fitted, math.fsum(np.abs(e).tolist()))
    return RowFigures(mae, 0.0, ranges, reasons=reasons)


class _Seen:
    """Adds up block by block; the sums are exact, so that blocks change no bit."""

    def __init__(self, task: Task, fitted: Fitted) -> None:
        self._fitted = fitted
        self._is_counted = task.design.weight_type == "frequency"
        self._scale = 0 if not fitted.rms else math.frexp(fitted.rms)[1]
        self._weight_scale = 0 if task.design.weights is None else math.frexp(fitted.weight)[1]
        self._errors = Summation(["error"])
        self._logs = None if task.design.weights is None or self._is_counted else Summation(["log"])
        self._low: Floats | None = None
        self._high: Floats | None = None

    def add(self, block: Observations, e: Floats, places: list[int]) -> None:
        if places:
            low, high = block.X[:, places].min(axis=0), block.X[:, places].max(axis=0)
            self._low = low if self._low is None else np.minimum(self._low, low)
            self._high = high if self._high is None else np.maximum(self._high, high)
        sizes = np.ldexp(np.abs(e), -self._scale)
        if block.weights is not None:
            sizes = sizes * np.ldexp(block.weights, -self._weight_scale)
            if self._logs is not None:
                self._logs.add(np.log(block.weights)[:, None])
        if self._fitted.rms:
            self._errors.add(np.where(sizes < _NEGLIGIBLE, 0.0, sizes)[:, None])

    def figures(self, names: list[str], covariance: Covariance | None) -> RowFigures:
        total = np.ldexp(_total(self._errors), self._scale + self._weight_scale)
        mae, reasons = _mae_of(self._fitted, float(total))
        ranges = None
        if self._low is not None and self._high is not None:
            pairs = zip((self._low + 0.0).tolist(), (self._high + 0.0).tolist(), strict=True)
            ranges = {name: [low, high] for name, (low, high) in zip(names, pairs, strict=True)}
        return RowFigures(mae, 0.0 if self._logs is None else _total(self._logs), ranges, covariance, reasons=reasons)


def _mae_of(fitted: Fitted, total: float) -> tuple[float | None, dict[str, str]]:
    if fitted.rms is None or not math.isfinite(total):
        return None, {"mae": TOO_LARGE}
    mae = total / fitted.weight
    if mae > _MOST_OF_RMS * fitted.rms:
        return None, {"mae": LOST}
    return mae, {}


def _total(sums: Summation) -> float:
    """The exact sum of its only column, rounded once."""
    moments = sums.result()
    exact = moments.sums[0, 1] * moments.exact_units[0]
    return double(exact)
