"""The sums of each fold of the rows of a fit: all minus one of them are what that one was not seen by."""

from collections.abc import Callable

import numpy as np

from service.registry.observations import RowsOfFit
from service.registry.summing import summation
from service.solver.folds import folds
from service.solver.moments import Moments
from service.solver.reading import Numbers

AT_ONCE = 2000  # folds x columns that are summed up in one pass: each takes up to 100 KB a column

Progress = Callable[[int], None]  # rows read, over all passes; may raise to stop


def moments_by_fold(rows: RowsOfFit, numbers: Numbers, k: int, progress: Progress) -> list[Moments]:
    """Of k folds, columns (*terms, target). Raises: as `RowsOfFit.blocks`, and what `progress` raises."""
    step = _at_once(rows, k)
    return [
        made for first in range(0, k, step) for made in _some(rows, numbers, k, range(first, min(k, first + step)), progress)
    ]


def n_passes(rows: RowsOfFit, k: int) -> int:
    """How often the rows are read for that."""
    return -(-k // _at_once(rows, k))


def _at_once(rows: RowsOfFit, k: int) -> int:
    return max(1, min(k, AT_ONCE // (1 + len(rows.recipe.terms))))


def _some(rows: RowsOfFit, numbers: Numbers, k: int, wanted: range, progress: Progress) -> list[Moments]:
    sums = [summation(rows.recipe, rows.design, numbers) for _ in wanted]
    n_before = wanted.start // _at_once(rows, k) * (rows.stop - rows.start)
    for block in rows.blocks():
        if not len(block.y):
            continue
        columns = np.vstack([block.X.T, block.y, *([] if block.weights is None else [block.weights])])
        of_row = folds(block.places - rows.start, k)
        for one, fold in zip(sums, wanted, strict=True):
            one.add(columns[:, of_row == fold].T)
        progress(n_before + int(block.places[-1]) + 1 - rows.start)
    return [one.result() for one in sums]
