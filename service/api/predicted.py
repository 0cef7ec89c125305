"""From rows as they were sent to what a model says of them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.api.errors import InvalidValue, NoInterval, OverLimit, PredictionOutOfRange, UnseenCategory
from service.api.services import Services
from service.ingest import json_rows
from service.ingest.errors import MissingValue, shown
from service.ingest.json_rows import Matrix
from service.ingest.times import TIMESTAMP, require_exact
from service.registry.design import Recipe, as_text
from service.registry.matching import matched
from service.registry.models import Model
from service.solver.evaluation import BLOCK_CELLS, prediction, predictions
from service.solver.leverage import Spread, intervals, leverages
from service.solver.reading import LARGEST, SMALLEST, check

Floats = NDArray[np.float64]
FEW = 128  # terms of a row, from which on numpy is quicker

OnUnseen = Literal["error", "baseline"]
Interval = Literal["confidence", "prediction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for beside the predictions."""

    interval: Interval | None = None
    level: float = 0.95
    leverage: bool = False
    on_unseen: OnUnseen = "error"


class Predicted(NamedTuple):
    """A value a row, (m,) each, and what else was asked for."""

    predictions: Floats | list[float]
    others: dict[str, Floats]  # by name: lower and upper, leverage


def blocks_of(model: Model, batches: Iterator[pa.RecordBatch], wanted: Wanted) -> Iterator[Floats]:
    """The bases of the model's terms, (m, b), batch by batch; the columns are checked before the second one is read.

    Raises: ColumnsDiffer, TypesDiffer, MissingValue, UnseenCategory, and as `batches`.
    """
    recipe = model.recipe
    n_rows = 0
    for batch in matched(batches, model.types):
        _refuse_cells(batch, recipe, wanted.on_unseen, n_rows)
        # A megabyte at a time, which the allocator has at hand; and as many as are summed at once, which are not copied again.
        step = max(1, BLOCK_CELLS // max(1, len(recipe.bases)))
        for start in range(0, batch.num_rows, step):
            yield recipe.block(batch.slice(start, step), {})
        n_rows += batch.num_rows


def of_matrix(model: Model, X: Matrix) -> Floats:
    """The bases of rows that came as numbers in the order of the features. Raises: InvalidValue, RaggedRow, MissingValue."""
    if model.recipe.levels or model.timestamps:
        named = ", ".join([*model.recipe.levels, *model.timestamps])
        raise InvalidValue("/X", f"{model.id} has features that are no numbers ({named}): send columns by name")
    matrix = json_rows.matrix(X)
    n_features = len(model.feature_names)
    if matrix.shape[1] != n_features:
        in_order = ", in this order" if n_features > 1 else ""
        expected = f"{_count(n_features, 'feature')}, {', '.join(model.feature_names)}{in_order}"
        raise InvalidValue("/X/0", f"a row has {_count(matrix.shape[1], 'value')}; {model.id} has {expected}")
    missing = np.isnan(matrix)  # JSON has no NaN of its own
    if missing.any():
        row, column = (int(i) for i in np.argwhere(missing)[0])
        raise MissingValue(row, model.feature_names[column])
    return matrix


def of_columns(columns: Mapping[str, Sequence[Any]]) -> pa.RecordBatch:
    """Rows that came by column."""
    arrays = json_rows.arrays(columns)
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def of_row(use: Services, model: Model, row: Sequence[float | None]) -> Predicted | None:
    """The prediction of a row of few numbers that are the model's terms, and with which nothing is wrong.

    None: it goes the way of all rows, which says what is wrong. With one row numpy's calls take longer than all else.
    """
    n_terms, numbers = len(row), cast("Sequence[float]", row)
    if not 0 < n_terms == model.n_plain_terms <= FEW or n_terms > use.limits.max_predict_cells or None in row:
        return None
    magnitudes = [*map(abs, numbers)]
    if max(magnitudes) > LARGEST or min(filter(None, magnitudes), default=LARGEST) < SMALLEST:
        return None
    value = prediction(model.evaluation, numbers)
    return Predicted([value], {}) if math.isfinite(value) else None


def predicted(use: Services, model: Model, blocks: Iterable[Floats], wanted: Wanted) -> Predicted:
    """The predictions of the rows in the blocks, of which one at a time is held: a small body can unpack to a large table.

    Raises: OverLimit, UnreadableNumber, PredictionOutOfRange; NoInterval: the model has none.
    """
    recipe, spread = model.recipe, _spread(use, model, wanted)
    names = [base.name for base in recipe.bases]
    parts: list[Predicted] = []
    n_rows = 0
    for X in blocks:
        n_cells = (n_rows + len(X)) * max(X.shape[1], len(recipe.terms))
        if n_cells > use.limits.max_predict_cells:
            raise OverLimit("", "cells (rows x terms) of a prediction", n_cells, use.limits.max_predict_cells)
        check(X, names, "float64", n_rows)
        part = _of_block(model, recipe, X, spread, wanted)
        finite = np.isfinite(part.predictions)
        for values in part.others.values():
            finite &= np.isfinite(values)
        if not finite.all():
            raise PredictionOutOfRange(n_rows + int(finite.argmin()))
        parts.append(part)
        n_rows += len(X)
    return _joined(parts)


def _of_block(model: Model, recipe: Recipe, X: Floats, spread: Spread | None, wanted: Wanted) -> Predicted:
    values = predictions(model.evaluation, X, model.numbers, recipe.plan)
    if spread is None:
        return Predicted(values, {})
    leverage = leverages(spread, X, model.numbers)
    if wanted.interval is None:
        return Predicted(values, {"leverage": leverage})
    metrics = model.body["metrics"]
    lower, upper = intervals(values, leverage, metrics["sigma"], metrics["df_resid"], wanted.level, wanted.interval)
    return Predicted(values, {"lower": lower, "upper": upper, "leverage": leverage})


def _spread(use: Services, model: Model, wanted: Wanted) -> Spread | None:
    if wanted.interval is None and not wanted.leverage:
        return None
    options, reasons = model.body["options"], model.body["reasons"]
    if (
        options["rank_deficient"] == "minimum_norm"
        and model.body["rank"] < len(model.body["terms"]) + options["fit_intercept"]
    ):
        raise NoInterval("its columns are dependent: which predictions are determined at all depends on the row")
    if options["l2"]:
        raise NoInterval("it is penalised: its coefficients are biased, and their errors not known")
    if wanted.interval is not None and model.body["metrics"]["sigma"] is None:
        raise NoInterval(reasons.get("sigma", "it has no sigma"))
    return use.spreads.of(model)


def _joined(parts: Sequence[Predicted]) -> Predicted:
    if len(parts) == 1:
        return parts[0]
    together = {name: np.concatenate([part.others[name] for part in parts]) for name in parts[0].others}
    return Predicted(np.concatenate([part.predictions for part in parts]), together)


def _refuse_cells(batch: pa.RecordBatch, recipe: Recipe, on_unseen: OnUnseen, n_before: int) -> None:
    """Raises: MissingValue; TimestampOutOfRange; UnseenCategory: a category that the model was not fitted with."""
    for name in recipe.features:
        values = batch.column(name)
        if on_unseen == "baseline" and name in recipe.baselines:
            continue
        if values.null_count:
            raise MissingValue(n_before + pc.index(values.is_null(), True).as_py(), name)
        if name not in recipe.levels:
            if values.type == TIMESTAMP:
                require_exact(values, name, lambda at: n_before + at)
            continue
        known = list(recipe.levels[name])
        seen = pc.is_in(as_text(values), value_set=pa.array(known, pa.string()))
        at = pc.index(seen, False).as_py()
        if at >= 0:
            raise UnseenCategory(n_before + at, name, shown(as_text(values)[at].as_py()), tuple(known))


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
