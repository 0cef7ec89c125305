"""What a fit is started with: its task with every default filled in, and its sums if they are there."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.api.errors import InvalidValue, NotSupported, OverLimit
from service.api.fit_request import WEIGHTS, FitRequest
from service.api.services import Services
from service.ingest import json_rows, times
from service.ingest.errors import shown
from service.jobs.task import Task
from service.registry.columns import Column
from service.registry.design import Design, Found, Per
from service.registry.summing import Summed, sum_up
from service.registry.versions import Dataset
from service.solver.errors import TooFewRows, UnreadableNumber
from service.solver.moments import Moments
from service.solver.reading import Numbers

Columns = dict[str, NDArray[np.float64]]  # of numbers, NaN where a cell is missing


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a job is started with: the sums if they are there, and the columns of the rows in the call."""

    task: Task
    summed: Summed | None
    inline: Columns | None


def inline(use: Services, spec: FitRequest) -> Prepared:
    """A fit of the rows in the call. Raises: IngestError, UnreadableNumber, InvalidValue, OverLimit, TooFewRows, as `sum_up`."""
    assert spec.X is not None and spec.y is not None  # noqa: S101, PT018 (checked)
    columns = json_rows.by_name(spec.X, spec.y, spec.feature_names, spec.target)
    *features, target = columns
    if spec.weights is not None:
        columns, features = _weighted(columns, features, spec)
    if spec.cluster is not None:
        features = _clustered(features, spec.cluster)
    design = _design(use, spec, features, target, [])
    task = _task(use, spec, design, spec.numbers or "float64", None)
    _refuse_few(task, len(columns[target]))
    summed = _as_they_are(design, task.numbers, columns) if design.is_plain else None
    if summed is None:
        rows = json_rows.batch(columns)
        summed = sum_up(
            lambda: [rows.select(list(design.columns))], design, task.numbers, use.limits.max_columns - 1, lambda _: None
        )
    return Prepared(task, summed, columns)


def _as_they_are(design: Design, numbers: Numbers, columns: Columns) -> Summed | None:
    """The sums of columns that are the terms; None if a cell is missing or cannot be read, of which `sum_up` says which."""
    rows = np.array([columns[name] for name in design.columns]).T
    try:
        return Summed(Moments.of(rows, design.columns, numbers), Found())
    except UnreadableNumber:  # a look for NaN of our own would take twice as long
        return None


def _weighted(columns: Columns, features: list[str], spec: FitRequest) -> tuple[Columns, list[str]]:
    """The columns with one of weights, which is no feature. Raises: InvalidValue."""
    if isinstance(spec.weights, str):
        if spec.weights not in features:
            raise InvalidValue(
                "/weights", f"there is no column {spec.weights!r} in X: name one of feature_names, or send a list"
            )
        return columns, [name for name in features if name != spec.weights]
    assert spec.weights is not None  # noqa: S101 (checked)
    n_rows = len(columns[features[0]])
    if len(spec.weights) != n_rows:
        raise InvalidValue("/weights", f"expected {n_rows} weights, one a row, got {len(spec.weights)}")
    if WEIGHTS in columns:
        raise InvalidValue("/feature_names", f"{WEIGHTS!r} is what the list of weights is called here")
    return columns | {WEIGHTS: np.array(spec.weights, np.float64)}, features


def _clustered(features: list[str], cluster: str) -> list[str]:
    """The features without the column of clusters, which is none. Raises: InvalidValue."""
    if cluster not in features:
        raise InvalidValue(
            "/cluster", f"there is no column {cluster!r} in X but those used otherwise: name one of feature_names"
        )
    features = [name for name in features if name != cluster]
    if not features:
        raise InvalidValue("/X", f"X has no column besides that of clusters, {cluster!r}: there is no feature")
    return features


def of_dataset(use: Services, spec: FitRequest, dataset: Dataset) -> Prepared:
    """A fit of a version. Raises: UnknownColumn, NotNumeric, NotSorted, InvalidValue, NotSupported, OverLimit, TooFewRows, as `known`."""
    assert spec.target is not None  # noqa: S101 (checked)
    target = dataset.numeric("target", spec.target)
    used = _used(spec, dataset, target)
    timestamps = tuple(column.name for column in dataset.columns if column.type == "timestamp")
    may_be = {column.name for column in dataset.columns if column.type == "number" or spec.categorical is not None}
    may_be -= {*timestamps}
    if spec.features is None:
        features = [column.name for column in dataset.columns if column.name in may_be - used - {spec.cluster}]
    else:
        known = may_be.union(timestamps)
        features = [name if name in known else dataset.numeric("feature", name) for name in spec.features]
        for i, name in enumerate(features):
            if name in used or name in features[:i]:
                why = "named twice" if name in features[:i] else "the target" if name == target else "the weights"
                raise InvalidValue(f"/features/{i}", f"the feature {name!r} is {why}")
    if spec.features == []:
        raise InvalidValue("/features", "the list is empty: name a feature, or leave it out to take all other numeric columns")
    if not features:
        left_out = [column.name for column in dataset.columns if column.type in ("text", "boolean")]
        also = f'; {", ".join(left_out)} can be features with categorical "one_hot"' if left_out else ""
        also += f"; {', '.join(timestamps)} can be named in features, as timestamps" if timestamps else ""
        raise InvalidValue("/features", f"there is no feature: {dataset.id} has no numeric column besides the target" + also)
    one_hot = [name for name in features if dataset.column(name).type in ("text", "boolean")]
    booleans = tuple(name for name in one_hot if dataset.column(name).type == "boolean")
    design = _design(use, spec, features, target, one_hot)
    timestamps = tuple(name for name in features if name in timestamps)
    if timestamps and spec.method == "gradient_descent":
        at, name = features.index(timestamps[0]), timestamps[0]
        raise InvalidValue(
            f"/features/{at}", f"{name!r} is a column of timestamps, which gradient_descent takes none of: send numbers"
        )
    design = replace(design, booleans=booleans, timestamps=timestamps, rows=_range(use, spec, dataset))
    if spec.batch_size is not None:
        use.datasets.rows(dataset.id, dataset.version)  # the descent will walk them: NoRowsKept now, not in its job
        for name in design.columns:
            if dataset.column(name).n_missing:
                raise NotSupported("/batch_size", f"batch_size with missing cells (in column {name!r})")
    task = _task(use, spec, design, dataset.numbers, dataset)
    if task.reads_rows:
        use.datasets.rows(dataset.id, dataset.version)  # its errors are made of them: NoRowsKept now
    start, stop = design.rows or (0, dataset.n_samples)
    _refuse_few(task, stop - start)
    return Prepared(task, use.sums.known(dataset, design), None)


def _used(spec: FitRequest, dataset: Dataset, target: str) -> set[str]:
    """The columns that are no features: the target and the weights. Raises: UnknownColumn, NotNumeric, InvalidValue."""
    used = {target}
    if isinstance(spec.weights, str):
        used.add(dataset.numeric("weights", spec.weights))
        if spec.weights == target:
            raise InvalidValue("/weights", "the target cannot be its own weights")
    if spec.cluster is not None:
        dataset.column(spec.cluster)
        if spec.cluster == target:
            raise InvalidValue("/cluster", "the target cannot say which rows belong together")
    return used


def _range(use: Services, spec: FitRequest, dataset: Dataset) -> tuple[int, int] | None:
    """The rows that are asked for. Raises: InvalidValue, UnknownColumn, NotNumeric, NotSorted."""
    if spec.rows is not None:
        start, stop = spec.rows
        if stop > dataset.n_samples:
            raise InvalidValue("/rows/1", f"{stop} is more than the {dataset.n_samples} rows there are")
        return start, stop
    if spec.between is None:
        return None
    column = spec.between.column
    if dataset.column(column).type != "timestamp":
        dataset.numeric("sorted column", column)
    low, high = (
        _bound(dataset.column(column), side, value) for side, value in (("from", spec.between.from_), ("to", spec.between.to))
    )
    start, stop = use.sums.places(dataset, column, low, high)
    if start >= stop:
        raise InvalidValue("/between", f"no value of {column!r} lies there")
    return start, stop


def _bound(column: Column, side: str, value: float | str | None) -> float | None:
    """A bound of a range: of timestamps in microseconds since 1970. Raises: InvalidValue."""
    if value is None:
        return None
    is_time = column.type == "timestamp"
    if isinstance(value, str) != is_time:
        expected = times.EXPECTED if is_time else "a number"
        raise InvalidValue(f"/between/{side}", f"column {column.name!r} has {column.type}s: expected {expected}")
    try:
        return times.microseconds(value) if isinstance(value, str) else value
    except ValueError:
        raise InvalidValue(f"/between/{side}", f"{shown(value)!r} is not {times.EXPECTED}") from None


def _design(use: Services, spec: FitRequest, features: list[str], target: str, one_hot: list[str]) -> Design:
    """Raises: OverLimit: it has more terms than a fit may have, its categories aside, which nobody knows yet."""
    design = Design(
        features=tuple(features), target=target, degree=spec.degree, interactions=spec.interactions, one_hot=tuple(one_hot),
        has_baselines=spec.fit_intercept or not one_hot, weights=spec.weight_column,
        weight_type=spec.weight_type or "precision", missing=spec.missing,
    )  # fmt: skip
    n_terms = design.least_terms
    if n_terms >= use.limits.max_columns:
        what, pointer = ("columns", "/features") if len(features) == n_terms else ("terms", "/degree")
        raise OverLimit(pointer, f"{what} of a fit", n_terms + 1, use.limits.max_columns)
    return design


def _task(use: Services, spec: FitRequest, design: Design, numbers: Numbers, dataset: Dataset | None) -> Task:
    return Task(
        design=design, fit_intercept=spec.fit_intercept, l2=spec.l2, rank_deficient=spec.rank_deficient, numbers=numbers,
        dataset_id=None if dataset is None else dataset.id, dataset_version=None if dataset is None else dataset.version,
        descent=spec.descent(design.least_terms, use.limits), per=_per(spec, design), level=spec.level, cov_type=spec.cov_type, cv=spec.cv,
        cluster=spec.cluster,
    )  # fmt: skip


def _per(spec: FitRequest, design: Design) -> Per | None:
    """Raises: InvalidValue: there is no feature that it could be of."""
    if spec.per is not None and not design.timestamps:
        raise InvalidValue("/per", "no feature is a column of timestamps, whose coefficients it is for: leave it out")
    return (spec.per or "day") if design.timestamps else None


def _refuse_few(task: Task, n_rows: int) -> None:
    """Before any row is summed. Raises: InvalidValue: of folds; TooFewRows: there are fewer than coefficients, whatever else may be found."""
    if isinstance(task.cv, int) and task.cv > n_rows:
        raise InvalidValue("/cv", f"expected at most as many folds as there are rows, {n_rows}")
    counts_otherwise = task.design.weights is not None and task.design.weight_type == "frequency"
    if counts_otherwise or task.l2 or task.rank_deficient not in ("error", "allow"):
        return
    n_coef = task.design.least_terms + task.fit_intercept
    if n_rows < n_coef:
        raise TooFewRows(n_rows, n_coef)
