"""The rows of a fit with their diagnostics: page by page, the largest, and what all of them add up to."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.registry.observations import Observations, RowsOfFit
from service.registry.summing import summation
from service.solver.diagnostics import Fit, RowDiagnostics, row_diagnostics
from service.solver.moments import Moments
from service.solver.residual_summary import Gathering, ResidualSummary

Floats = NDArray[np.float64]

COLUMNS = ("observed", "fitted", "residual", "leverage", "std_residual", "studentized_residual", "cooks_distance")
SIGNED = ("residual", "std_residual", "studentized_residual")  # of which the largest is that of the largest magnitude
MOST_LARGEST = 1000
FIRST_ROWS = 1 << 9  # read for a page at first; more if few of them count
MOST_ROWS = 1 << 16  # at a time
# What a row leaves of the squares of all, a difference of doubles, has at least 11 digits above this share of them: below it
# the others are fitted by themselves. Rows that leave so little are one or two, but where rows of one group have but one
# degree of freedom.
LITTLE_LEFT = 1e-4
MOST_REFITS = 4  # of a block of rows


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that a fit counts: where they stand, (m,), and their `COLUMNS`, (m, 7), NaN where a figure does not exist."""

    places: NDArray[np.int64]
    values: Floats

    def take(self, which: slice | NDArray[np.intp]) -> "Rows":
        return Rows(self.places[which], self.values[which])


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosed:
    """A fit, and its rows."""

    fit: Fit
    rows: RowsOfFit
    sigma_without: Callable[[Moments], float | None]  # of a fit without the rows of these moments; None: none is known

    def blocks(self, start: int | None = None, stop: int | None = None) -> Iterator[Rows]:
        """All rows, or those from `start` up to but not including `stop`. Raises: NotFound: the rows are gone."""
        for block in self.rows.blocks(start, stop):
            found = row_diagnostics(self.fit, block.X, block.y, block.weights)
            self._refit(found, block)
            yield Rows(block.places, np.stack([getattr(found, name) for name in COLUMNS], axis=1))

    def _refit(self, found: RowDiagnostics, block: Observations) -> None:
        """Compare the residuals of rows that are nearly all of the squares with the exact sigma of the others."""
        fit, std = self.fit, found.std_residual
        if fit.df_resid < 2 or not fit.sigma:
            return
        for i in np.flatnonzero(fit.df_resid - std**2 < LITTLE_LEFT * fit.df_resid)[:MOST_REFITS].tolist():
            row = summation(self.rows.recipe, self.rows.design, fit.numbers)
            weight = () if block.weights is None else (1.0 if fit.is_repeated else block.weights[i],)
            row.add(np.array([[*block.X[i], block.y[i], *weight]]))
            sigma = self.sigma_without(row.result())
            if sigma is not None:
                found.studentized_residual[i] = std[i] * (fit.sigma / sigma) if sigma else math.nan

    def page(self, limit: int, after: int | None) -> tuple[Rows, int | None]:
        """The first rows after the one of this number, and the number of the last of them if there are more."""
        at = max(self.rows.start, 0 if after is None else after + 1)
        parts, n_found, step = [_NONE], 0, max(FIRST_ROWS, 2 * limit)
        while n_found <= limit and at < self.rows.stop:
            parts += self.blocks(at, at + step)
            n_found = sum(len(part.places) for part in parts)
            at, step = at + step, min(2 * step, MOST_ROWS)
        found = _joined(parts).take(slice(limit))
        return found, int(found.places[-1]) if n_found > limit else None

    def largest(self, by: str) -> Rows:
        """The rows whose figure of this name is largest, the largest first, of equal ones the first; in one pass."""
        column, best = COLUMNS.index(by), _NONE
        for block in self.blocks():
            together = _joined([best, block])
            figure = together.values[:, column]
            order = np.argsort(-np.abs(figure) if by in SIGNED else -figure, kind="stable")  # NaN comes last
            best = together.take(order[: min(MOST_LARGEST, int(np.count_nonzero(~np.isnan(figure))))])
        return best


_NONE = Rows(np.empty(0, np.int64), np.empty((0, len(COLUMNS))))


def gathered(rows: RowsOfFit, fit: Fit, rms: float, weight: float, reasons: Mapping[str, str]) -> ResidualSummary:
    """What all rows add up to. Args, but for rows: as `Gathering`. Raises: NotFound: the rows are gone."""
    gathering = Gathering(fit, rms, weight, max(0, rows.stop - rows.start), reasons)
    for block in rows.blocks():
        found = row_diagnostics(fit, block.X, block.y, block.weights)
        gathering.add(found, block.weights, block.places)
    return gathering.result()


def left_out(rows: RowsOfFit, fit: Fit, rms: float, weight: float) -> ResidualSummary:
    """Of a least-squares fit what each row is off when the others are fitted, `press` and `rmse_loo`, or the reason why not.

    Args, Raises: as `gathered`; rms: of the residuals.
    """
    return gathered(rows, fit, rms, weight, dict.fromkeys(("residual", "breusch_pagan", "jarque_bera", "durbin_watson"), ""))


def _joined(parts: Sequence[Rows]) -> Rows:
    return Rows(np.concatenate([part.places for part in parts]), np.concatenate([part.values for part in parts]))
