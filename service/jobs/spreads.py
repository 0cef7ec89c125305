"""What the leverages and intervals of models are made of: functions of their moments and rows, made when first asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from service.jobs.workers import SHORT_SOLVE, Solver
from service.registry.errors import InlineRowsNotKept, NoRowsKept, NotFound
from service.registry.fitted_rows import FittedRows
from service.registry.kept import Kept
from service.registry.models import Model, Models
from service.registry.turns import Turns
from service.solver.least_squares import NOT_UNIQUE, PENALISED
from service.solver.leverage import Spread, leverages
from service.solver.plain_leverage import PlainSpread, plain_leverages
from service.solver.reading import Numbers

CAPACITY = 64 << 20  # bytes
# Rows x (1 + terms)^2 of a fit that are looked at for their largest leverage: some 30 ms.
MOST_PLAIN, MOST_EXACT = 1 << 24, 1 << 20
NOTHING_FITTED = "all columns were dropped, and there is no intercept: nothing was fitted"
# By so much more, relative, a leverage is larger than another: rounding decides nothing.
_LARGER = 1 + 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How far the rows of a fit reach, in all directions; `why` says why that is not known."""

    spread: Spread | None
    plain: PlainSpread | None = None  # where doubles will do
    largest: float | None = None  # leverage among the rows of the fit, if these are few and at hand
    most: float = inf  # no row of the fit has more than this
    meat: Floats | None = None  # of a covariance that is not that of the moments
    why: str | None = None

    def leverages(self, X: Floats, numbers: Numbers) -> Floats:
        """Of base columns (m, b) -> (m,), right to 13 digits; infinite beyond a double."""
        assert self.spread is not None  # noqa: S101 (the caller has looked)
        if self.plain is not None and numbers == "float64":
            return plain_leverages(self.plain, X)
        return leverages(self.spread, X, numbers)


class Spreads:
    """Those of the models asked for last."""

    def __init__(self, models: Models, fitted_rows: FittedRows, solver: Solver) -> None:
        self._models, self._fitted_rows, self._solver = models, fitted_rows, solver
        self._kept, self._reaches = Kept[str, Spread](CAPACITY), Kept[str, Reach](CAPACITY)
        self._turns = Turns()  # so that those who ask for one thing at once do not all make it

    def of(self, model: Model) -> Spread:
        """Raises: NotFound: the model was deleted just now; and as the solver."""
        found = self._kept.get(model.id)
        if found is None:
            body, moments = model.body, self._models.moments(model.id)
            made_of = model.recipe.account(is_whole=not body["dropped"])
            found = self._solver.spread(moments, model.kept_terms, body["options"]["fit_intercept"], made_of, model.id)
            self._kept.put(model.id, found, _size(model))
        return found

    def at_hand(self, model: Model) -> Reach | None:
        """The reach, if it was made before: it may be asked for on the event loop."""
        return self._reaches.get(model.id)

    def reach(self, model: Model) -> Reach:
        """Raises: as `of`."""
        found = self._reaches.get(model.id)
        if found is None:
            with self._turns.of(model.id):
                found = self._reaches.get(model.id)
                if found is None:
                    found = self._made(model)
                    self._reaches.put(model.id, found, 4 * _size(model))
        return found

    def _made(self, model: Model) -> Reach:
        why = why_no_leverage(model)
        if why is not None:
            return Reach(None, why=why)
        spread = self.of(model)
        plain = PlainSpread.of(spread)
        bare = Reach(spread, plain)
        largest = self._largest(model, bare)
        meat = None if model.body["options"]["cov_type"] == "classical" else self._models.meat(model.id)
        is_one = model.body["options"]["weights"] is None or model.body["options"]["weight_type"] == "frequency"
        most = largest if largest is not None else 1.0 if is_one else inf
        return Reach(spread, plain, largest, most * _LARGER, meat)

    def _largest(self, model: Model, reach: Reach) -> float | None:
        body = model.body
        n_rows, n_terms = body["n_samples"] + body["n_dropped"], len(body["terms"])
        if n_rows * (1 + n_terms) ** 2 > (MOST_EXACT if reach.plain is None else MOST_PLAIN):
            return None
        try:
            found = [reach.leverages(block.X, model.numbers) for block in self._fitted_rows.of(model).blocks()]
        except (NotFound, NoRowsKept, InlineRowsNotKept):
            return None
        return _maximum(found)


def is_quick(model: Model) -> bool:
    """Whether its spread is made without a worker process."""
    return len(model.body["terms"]) <= SHORT_SOLVE


def why_no_leverage(model: Model) -> str | None:
    """Why no row has one; None: each has."""
    if model.body["options"]["l2"]:
        return PENALISED
    if not model.is_determined:
        return NOT_UNIQUE
    return None if model.body["rank"] else NOTHING_FITTED


def _maximum(blocks: Sequence[Floats]) -> float | None:
    return max((float(block.max()) for block in blocks if len(block)), default=None)


def _size(model: Model) -> int:
    """Bytes, nearly."""
    size: int = 16 * (1 + len(model.body["terms"])) ** 2
    return size
