"""Rows that were sent to be predicted for, as the bases of a model's terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.api.errors import InvalidValue, UnseenCategory
from service.ingest import json_rows
from service.ingest.errors import MissingValue, shown
from service.ingest.json_rows import Matrix
from service.ingest.times import TIMESTAMP, require_exact
from service.registry.design import Recipe, as_text
from service.registry.matching import matched
from service.registry.models import Model
from service.solver.evaluation import BLOCK_CELLS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

OnUnseen = Literal["error", "baseline"]


class SentRows(NamedTuple):
    """Some rows, in their order."""

    X: Floats  # (m, b) the bases of the model's terms
    unseen: Flags | None = None  # (m,) which have a category that counts as the baseline, for want of a better one


def blocks_of(model: Model, batches: Iterator[pa.RecordBatch], on_unseen: OnUnseen = "error") -> Iterator[SentRows]:
    """The rows, batch by batch; the columns are checked before the second one is read.

    Raises: ColumnsDiffer, TypesDiffer, MissingValue, UnseenCategory, and as `batches`.
    """
    recipe = model.recipe
    n_rows = 0
    for batch in matched(batches, model.types):
        unseen = _refuse_cells(batch, recipe, on_unseen, n_rows)
        # A megabyte at a time, which the allocator has at hand; and as many as are summed at once, which are not copied again.
        step = max(1, BLOCK_CELLS // max(1, len(recipe.bases)))
        for start in range(0, batch.num_rows, step):
            yield SentRows(
                recipe.block(batch.slice(start, step), {}), None if unseen is None else unseen[start : start + step]
            )
        n_rows += batch.num_rows


def of_matrix(model: Model, X: Matrix) -> SentRows:
    """Rows that came as numbers in the order of the features. Raises: InvalidValue, RaggedRow, MissingValue."""
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
    return SentRows(matrix)


def of_columns(columns: Mapping[str, Sequence[Any]]) -> pa.RecordBatch:
    """Rows that came by column."""
    arrays = json_rows.arrays(columns)
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _refuse_cells(batch: pa.RecordBatch, recipe: Recipe, on_unseen: OnUnseen, n_before: int) -> Flags | None:
    """Which rows have a category that is taken for the baseline; None: they were not to be.

    Raises: MissingValue; TimestampOutOfRange; UnseenCategory: a category that the model was not fitted with.
    """
    unseen = np.zeros(batch.num_rows, np.bool_) if on_unseen == "baseline" and recipe.baselines else None
    for name in recipe.features:
        values = batch.column(name)
        is_lenient = unseen is not None and name in recipe.baselines
        if values.null_count and not is_lenient:
            raise MissingValue(n_before + pc.index(values.is_null(), True).as_py(), name)
        if name not in recipe.levels:
            if values.type == TIMESTAMP:
                require_exact(values, name, lambda at: n_before + at)
            continue
        known = list(recipe.levels[name])
        seen = pc.is_in(as_text(values), value_set=pa.array(known, pa.string()))
        if unseen is not None and is_lenient:
            unseen |= ~seen.to_numpy(zero_copy_only=False)
            continue
        at = pc.index(seen, False).as_py()
        if at >= 0:
            raise UnseenCategory(n_before + at, name, shown(as_text(values)[at].as_py()), tuple(known))
    return unseen


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
