"""The sums of each fold of the rows of a fit: all minus one of them are what that one was not seen by."""

from collections.abc import Callable
from functools import partial

import numpy as np

from service.registry.observations import RowsOfFit
from service.registry.summing import summation
from service.solver.folds import folds
from service.solver.moments import Moments
from service.solver.reading import Numbers

AT_ONCE = 2000  # folds x columns that are summed up in one pass: each takes up to 100 KB a column

Progress = Callable[[int], None]  # rows read, of all that there are; may raise to stop


def moments_by_fold(rows: RowsOfFit, numbers: Numbers, k: int, progress: Progress) -> list[Moments]:
    """Of k folds, columns (*terms, target). Raises: as `RowsOfFit.blocks`, and what `progress` raises."""
    step = max(1, AT_ONCE // (1 + len(rows.recipe.terms)))
    passes = [range(first, min(k, first + step)) for first in range(0, k, step)]
    n_rows, made = rows.stop - rows.start, list[Moments]()
    for i, wanted in enumerate(passes):
        made += _some(rows, numbers, k, wanted, partial(_report, progress, i * n_rows, len(passes)))
    return made


def _report(progress: Progress, n_before: int, n_passes: int, n_read: int) -> None:
    """So many rows in this pass, after others: a share of all that are to be read."""
    progress((n_before + n_read) // n_passes)


def _some(rows: RowsOfFit, numbers: Numbers, k: int, wanted: range, progress: Progress) -> list[Moments]:
    sums = [summation(rows.recipe, rows.design, numbers) for _ in wanted]
    for block in rows.blocks():
        if not len(block.y):
            continue
        columns = np.vstack([block.X.T, block.y, *([] if block.weights is None else [block.weights])])
        of_row = folds(block.places - rows.start, k)
        for one, fold in zip(sums, wanted, strict=True):
            one.add(columns[:, of_row == fold].T)
        progress(int(block.places[-1]) + 1 - rows.start)
    return [one.result() for one in sums]
