"""A pass over the rows of a fit: which categories there are, what stands for missing cells, and the exact sums."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.ingest.errors import MissingValue
from service.registry.design import Design, Found, Recipe, as_text, numbers_of
from service.registry.errors import TooManyTerms
from service.solver.decimals import MOST_DIGITS
from service.solver.errors import AmbiguousTerm, UnreadableNumber
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.spread import means_and_stds
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation

Batches = Callable[[], Iterable[pa.RecordBatch]]  # the rows, anew each time
Progress = Callable[[int], None]  # rows read, over all passes; may raise to stop


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """The moments of a fit, columns (*terms, target), and what its rows had besides."""

    moments: Moments
    found: Found


def n_passes(design: Design) -> int:
    """How often `sum_up` reads the rows."""
    return 2 if design.one_hot or design.missing == "mean" else 1


def sum_up(batches: Batches, design: Design, numbers: Numbers, max_terms: int, progress: Progress) -> Summed:
    """Sum up the rows of a design.

    Args: batches: record batches that have its columns.
    Raises: MissingValue, BadWeight: rows counted from the first of `batches`; TooManyTerms, TooManySlices; what
        `progress` raises.
    """
    n_read = 0

    def read() -> Iterator[tuple[int, pa.RecordBatch]]:
        nonlocal n_read
        first = 0
        for batch in batches():
            yield first, batch
            first += batch.num_rows
            n_read += batch.num_rows
            progress(n_read)

    found = _found(read(), design, numbers, max_terms) if n_passes(design) == 2 else Found()
    recipe = Recipe.of(design, found.levels)
    if recipe.n_terms > max_terms:
        raise TooManyTerms(recipe.n_terms, max_terms)
    if any(term.name == design.target for term in recipe.terms):
        raise AmbiguousTerm(design.target)
    summation = _summation(recipe, design, numbers)
    n_kept = n_dropped = 0
    for first, batch in read():
        rows = _kept_rows(batch, design, first)
        kept = _taken(batch, rows)
        try:
            summation.add(_block(kept, recipe, design, found))
        except UnreadableNumber as error:
            row = error.row - n_kept
            raise type(error)(first + (row if rows is None else int(rows[row])), error.column, error.value) from None
        n_kept += kept.num_rows
        n_dropped += batch.num_rows - kept.num_rows
    return Summed(summation.result(), Found(found.levels, found.imputed, found.n_imputed, n_dropped))


def _summation(recipe: Recipe, design: Design, numbers: Numbers) -> Summation | TermSummation:
    names = [base.name for base in recipe.bases]
    if design.weights is None and not recipe.has_products:
        return Summation([*names, design.target], numbers)
    return TermSummation(names, recipe.terms, design.target, numbers, design.weights, design.weight_type)


def _block(batch: pa.RecordBatch, recipe: Recipe, design: Design, found: Found) -> NDArray[np.float64]:
    others = [name for name in (design.target, design.weights) if name is not None]
    return np.column_stack([recipe.block(batch, found.imputed), *(numbers_of(batch.column(name)) for name in others)])


def _kept_rows(batch: pa.RecordBatch, design: Design, first: int) -> NDArray[np.int64] | None:
    """Which rows of a batch count; None: all. Raises: MissingValue: a cell is, and `missing` does not say what then."""
    lacking = [name for name in design.columns if batch.column(name).null_count]
    if design.missing == "drop":
        if not lacking:
            return None
        valid = np.all([batch.column(name).is_valid().to_numpy(zero_copy_only=False) for name in lacking], axis=0)
        return np.flatnonzero(valid)
    filled = [] if design.missing == "error" else design.features
    for name in lacking:
        if name not in filled or name in design.one_hot:
            raise MissingValue(first + pc.index(batch.column(name).is_null(), True).as_py(), name)
    return None


def _taken(batch: pa.RecordBatch, rows: NDArray[np.int64] | None) -> pa.RecordBatch:
    return batch if rows is None else batch.take(rows)


def _found(read: Iterator[tuple[int, pa.RecordBatch]], design: Design, numbers: Numbers, max_terms: int) -> Found:
    """The categories of one-hot columns and, if missing cells are filled, what with."""
    levels: dict[str, set[str]] = {name: set() for name in design.one_hot}
    filled = [name for name in design.features if name not in levels] if design.missing == "mean" else []
    sums = Summation(filled, numbers)
    n_missing = dict.fromkeys(filled, 0)
    n_rows = 0
    for first, batch in read:
        rows = _kept_rows(batch, design, first)
        kept = _taken(batch, rows)
        n_rows += kept.num_rows
        for name, known in levels.items():
            known.update(map(str, pc.unique(as_text(kept.column(name))).to_pylist()))
            if len(known) > max_terms:
                raise TooManyTerms(len(known), max_terms)
        if filled:
            sums.add(np.column_stack([numbers_of(kept.column(name), 0.0) for name in filled]))
            for name in filled:
                n_missing[name] += kept.column(name).null_count
    lacking = {name: n for name, n in n_missing.items() if n}
    means = (
        dict(zip(filled, _means(sums.result(), [n_rows - n_missing[name] for name in filled]), strict=True)) if lacking else {}
    )
    imputed = {name: means[name] for name in lacking}
    return Found({name: sorted(known) for name, known in levels.items()}, imputed, lacking)


def _means(sums: Moments, counts: list[int]) -> list[float]:
    """The mean of each column over so many cells that are there: the nearest double, or decimal of 15 digits; 0 of none."""
    means = [0.0 if mean is None else mean for mean, _ in means_and_stds(sums, counts)]
    return [float(f"{mean:.{MOST_DIGITS}g}") for mean in means] if sums.numbers == "decimal" else means
