"""Passes over the rows of a fit that end in its exact sums."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from service.registry.columns import numbers_of
from service.registry.counted import counted
from service.registry.design import Design, Found, Recipe
from service.registry.errors import TooManyTerms
from service.registry.gleaning import gleaned
from service.solver.errors import AmbiguousTerm
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation
from service.solver.threaded_summation import ThreadedSummation

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

    found = gleaned(read(), design, numbers, max_terms) if n_passes(design) == 2 else Found()
    recipe = Recipe.of(design, found.levels)
    if recipe.n_terms > max_terms:
        raise TooManyTerms(recipe.n_terms, max_terms)
    if any(term.name == design.target for term in recipe.terms):
        raise AmbiguousTerm(design.target)
    summed = ThreadedSummation(lambda: summation(recipe, design, numbers))
    n_dropped = 0
    try:
        for first, batch in read():
            kept = counted(batch, design, first)
            summed.add(_block(kept.batch, recipe, design, found), kept.row)
            n_dropped += kept.n_dropped
    except Exception:
        summed.result()  # raises what is wrong in a row before, still being summed up
        raise
    return Summed(summed.result(), Found(found.levels, found.imputed, found.n_imputed, n_dropped))


def summation(recipe: Recipe, design: Design, numbers: Numbers) -> Summation | TermSummation:
    """Of no rows yet: of the terms and the target, fed with the bases of the terms, the target and the weights."""
    names = [base.name for base in recipe.bases]
    if design.weights is None and not recipe.has_products:
        return Summation([*names, design.target], numbers)
    return TermSummation(names, recipe.terms, design.target, numbers, design.weights, design.weight_type)


def _block(batch: pa.RecordBatch, recipe: Recipe, design: Design, found: Found) -> NDArray[np.float64]:
    others = [name for name in (design.target, design.weights) if name is not None]
    # columns together in memory, as they are the fastest to sum up
    return np.vstack([recipe.block(batch, found.imputed).T, *(numbers_of(batch.column(name)) for name in others)]).T
