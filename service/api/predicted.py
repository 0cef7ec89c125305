"""From rows to what a model says of them: predictions, and how far to trust them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from service.api.closed_form import NO_COVARIANCE
from service.api.errors import NoInterval, OverLimit, PredictionOutOfRange
from service.api.sent_rows import Flags, Floats, OnUnseen, SentRows
from service.api.services import Services
from service.api.split_up import Split, split_up
from service.jobs.spreads import NOTHING_FITTED, Reach, is_quick
from service.registry.models import Model
from service.solver.evaluation import prediction, predictions
from service.solver.leverage import intervals
from service.solver.plain_leverage import plain_leverage
from service.solver.reading import LARGEST, SMALLEST, check
from service.solver.sandwich import variances

FEW = 128  # terms of a row, from which on numpy is quicker

Interval = Literal["confidence", "prediction"]

MANY_TERMS = 'the model has many terms: it is made when it is asked for, with "leverage": true'
TOO_LARGE = "of row {}: larger than the largest double"
NOT_SEEN = "the model does not know where the rows of its fit lay, which were never here or are many"


class Wanted(NamedTuple):
    """What is asked for beside the predictions. It is made for each call: as a dataclass it takes 1 us longer, and so below."""

    interval: Interval | None = None
    level: float = 0.95
    leverage: bool | None = None  # None: where it costs little, and the answer is read by eyes
    contributions: bool = False
    on_unseen: OnUnseen = "error"
    is_json: bool = True  # the answer

    @property
    def must_have_leverage(self) -> bool:
        return self.interval is not None or bool(self.leverage)

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing that rows do not have unasked."""
        return self.interval is None and not self.leverage and not self.contributions

    def looks_at_leverage(self, model: Model) -> bool:
        """Whether the leverage is made, asked for or not."""
        return self.must_have_leverage or (self.leverage is None and self.is_json and is_quick(model))


class Predicted(NamedTuple):
    """What is said of each of m rows, and why some of it does not exist."""

    predictions: Floats | list[float]  # (m,)
    columns: Mapping[str, Any]  # by name, (m,) each or None: lower and upper, leverage, extrapolation
    contributions: Mapping[str, Floats] | None  # by term, (m,) each
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Of some of the rows."""

    columns: dict[str, Floats]  # by name, the predictions among them
    outside: Flags
    contributions: Floats | None  # (q, m)


def of_row(use: Services, model: Model, reach: Reach | None, row: Sequence[float | None], wanted: Wanted) -> Predicted | None:
    """What is said unasked of a row of few numbers that are the model's terms, and with which nothing is wrong.

    None: it goes the way of all rows, which says what is wrong. With one row numpy's calls take longer than all else.
    """
    n_terms, numbers = len(row), cast("Sequence[float]", row)
    if not 0 < n_terms == model.n_plain_terms <= FEW or n_terms > use.limits.max_predict_cells or None in row:
        return None
    magnitudes = [*map(abs, numbers)]
    if max(magnitudes) > LARGEST or min(filter(None, magnitudes), default=LARGEST) < SMALLEST:
        return None
    value = prediction(model.evaluation, numbers)
    return _trusted(model, reach, numbers, value, wanted) if math.isfinite(value) else None


def _trusted(model: Model, reach: Reach | None, row: Sequence[float], value: float, wanted: Wanted) -> Predicted | None:
    """The prediction of a row of terms, and how far to trust it, as far as that takes no more than numbers of Python."""
    is_outside, is_known = not model.seen.has(row), model.seen.is_whole
    columns: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    if reach is None:
        if wanted.leverage is None and wanted.is_json:
            columns["leverage"], reasons["leverage"] = None, MANY_TERMS
    elif reach.plain is not None:
        leverage = plain_leverage(reach.plain, row)
        if not math.isfinite(leverage):
            return None
        columns["leverage"] = [leverage]
        is_outside, is_known = is_outside or leverage > reach.most, is_known or reach.largest is not None
    elif reach.why is not None:
        columns["leverage"], reasons["leverage"] = None, reach.why
    else:
        return None
    columns["extrapolation"] = [is_outside]
    return Predicted([value], columns, None, reasons) if is_outside or is_known else None


def predicted(use: Services, model: Model, blocks: Iterable[SentRows], wanted: Wanted) -> Predicted:
    """Of the rows in the blocks, of which one at a time is held: a small body can unpack to a large table.

    Raises: OverLimit, UnreadableNumber, PredictionOutOfRange; NoInterval: the model has none.
    """
    recipe, reach = model.recipe, _reach(use, model, wanted)
    split = split_up(model) if wanted.contributions else None
    names = [base.name for base in recipe.bases]
    parts: list[_Part] = []
    n_rows, most_shares = 0, use.limits.max_page_cells
    for rows in blocks:
        X = rows.X
        n_cells = (n_rows + len(X)) * max(X.shape[1], len(recipe.terms))
        if n_cells > use.limits.max_predict_cells:
            raise OverLimit("", "cells (rows x terms) of a prediction", n_cells, use.limits.max_predict_cells)
        if split is not None and (n_rows + len(X)) * len(split.names) > most_shares:
            n_shares = (n_rows + len(X)) * len(split.names)
            raise OverLimit("", "contributions (rows x terms) of a prediction", n_shares, most_shares)
        check(X, names, "float64", n_rows)
        part = _of_block(model, rows, reach, wanted, split)
        _require_finite(part, wanted, n_rows)
        parts.append(part)
        n_rows += len(X)
    return _joined(parts, model, reach, wanted, split)


def _of_block(model: Model, rows: SentRows, reach: Reach | None, wanted: Wanted, split: Split | None) -> _Part:
    X, numbers = rows.X, model.numbers
    values = predictions(model.evaluation, X, numbers, model.recipe.plan)
    columns, outside = {"predictions": values}, model.seen.outside(X)
    if rows.unseen is not None:
        outside |= rows.unseen
    if reach is not None and reach.spread is not None:
        leverage = reach.leverages(X, numbers)
        outside |= leverage > reach.most
        if wanted.interval is not None:
            columns["lower"], columns["upper"] = _ends(model, X, values, leverage, reach, wanted)
        if wanted.leverage is not False:
            columns["leverage"] = leverage
    return _Part(columns, outside, None if split is None else split.of(X, numbers))


def _ends(model: Model, X: Floats, values: Floats, leverage: Floats, reach: Reach, wanted: Wanted) -> tuple[Floats, Floats]:
    """Those of the interval: of the classical errors, or of the covariance that the model has in their place."""
    assert reach.spread is not None  # noqa: S101 (the caller has looked)
    assert wanted.interval is not None  # noqa: S101
    variance = leverage if reach.meat is None else variances(reach.spread, reach.meat, X, model.numbers)
    return intervals(values, variance, model.body["metrics"]["sigma"], model.df_of_t, wanted.level, wanted.interval)


def _reach(use: Services, model: Model, wanted: Wanted) -> Reach | None:
    """What leverages are made of; None: they are not wanted. Raises: NoInterval."""
    if not wanted.looks_at_leverage(model):
        return None
    options, reasons = model.body["options"], model.body["reasons"]
    reach = use.spreads.reach(model)
    if not wanted.must_have_leverage:
        return reach
    if reach.why is not None:
        raise NoInterval(
            "it is penalised: its coefficients are biased, and their errors not known"
            if options["l2"]
            else reach.why
            if reach.why == NOTHING_FITTED
            else "its columns are dependent: which predictions are determined at all depends on the row"
        )
    if wanted.interval is not None and model.body["metrics"]["sigma"] is None:
        raise NoInterval(reasons.get("sigma", "it has no sigma"))
    if wanted.interval is not None and reach.meat is None and options["cov_type"] != "classical":
        raise NoInterval(reasons.get("std_error", NO_COVARIANCE))
    return reach


def _require_finite(part: _Part, wanted: Wanted, n_before: int) -> None:
    """Raises: PredictionOutOfRange: what was asked for is beyond a double; a leverage that was not may be."""
    finite = np.ones(len(part.outside), np.bool_)
    for name, values in part.columns.items():
        if name != "leverage" or wanted.must_have_leverage:
            finite &= np.isfinite(values)
    if part.contributions is not None:
        finite &= np.isfinite(part.contributions).all(axis=0)
    if not finite.all():
        raise PredictionOutOfRange(n_before + int(finite.argmin()))


def _joined(parts: Sequence[_Part], model: Model, reach: Reach | None, wanted: Wanted, split: Split | None) -> Predicted:
    reasons: dict[str, str] = {}
    columns: dict[str, Any] = {name: _concatenated([part.columns[name] for part in parts]) for name in parts[0].columns}
    values = columns.pop("predictions")
    if wanted.is_json and wanted.leverage is None and "leverage" not in columns:
        columns["leverage"] = None
        reasons["leverage"] = MANY_TERMS if reach is None or reach.why is None else reach.why
    elif "leverage" in columns and not np.isfinite(columns["leverage"]).all():
        reasons["leverage"] = TOO_LARGE.format(int(np.isinf(columns["leverage"]).argmax()))
    columns["extrapolation"] = outside = _concatenated([part.outside for part in parts])
    if not (model.seen.is_whole or (reach is not None and reach.largest is not None)) and not outside.all():
        columns["extrapolation"] = [value or None for value in outside.tolist()]
        reasons["extrapolation"] = NOT_SEEN
    if split is None:
        return Predicted(values, columns, None, reasons)
    shares = _concatenated([part.contributions for part in parts if part.contributions is not None], axis=1)
    return Predicted(values, columns, dict(zip(split.names, shares, strict=True)), reasons)


def _concatenated(parts: Sequence[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
