"""A first pass over the rows of a fit: which categories there are, and what stands for missing cells."""

from collections.abc import Iterable
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.ingest.errors import MissingValue
from service.ingest.names import MAX_LENGTH
from service.registry.columns import numbers_of
from service.registry.counted import Counted, counted
from service.registry.design import Design, Found, as_text
from service.registry.errors import LongCategory, TooManyTerms
from service.solver.decimals import MOST_DIGITS
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation
from service.solver.terms import Base, terms

_DIGITS = Context(prec=MOST_DIGITS)


def gleaned(read: Iterable[tuple[int, pa.RecordBatch]], design: Design, numbers: Numbers, max_terms: int) -> Found:
    """The categories of one-hot columns and, if missing cells are filled, what with.

    Args: read: batches, each with the place of its first row. Raises: MissingValue, TooManyTerms, LongCategory.
    """
    levels: dict[str, set[str]] = {name: set() for name in design.one_hot}
    filled = [name for name in design.features if name not in levels] if design.missing == "mean" else []
    means = Means(filled, design, numbers)
    for first, batch in read:
        kept = counted(batch, design, first)
        for name, known in levels.items():
            found: Any = pc.unique(as_text(kept.batch.column(name)))
            longest = pc.max(pc.utf8_length(found)).as_py() or 0
            if longest > MAX_LENGTH:  # a term has its categories in its name, and a model many terms
                raise LongCategory(name, longest, MAX_LENGTH)
            known.update(map(str, found.to_pylist()))
            if len(known) > max_terms:
                raise TooManyTerms(len(known), max_terms)
        if filled and kept.batch.num_rows:
            means.add(kept)
    return Found({name: sorted(known) for name, known in levels.items()}, means.imputed(), means.n_missing)


class Means:
    """The means of columns over the cells that are there, weighted if the rows are."""

    def __init__(self, columns: list[str], design: Design, numbers: Numbers) -> None:
        self.n_missing: dict[str, int] = {}
        self._timestamps = design.timestamps
        self._columns, self._others = columns, [design.target, *([] if design.weights is None else [design.weights])]
        # Sums of what is there, and of how often something is: no column has a name with a control character.
        names = [*columns, *(f"\0{name}" for name in columns)]
        if design.weights is None:
            self._sums: Summation | TermSummation = Summation([*names, design.target], numbers)
        else:
            plain = terms([Base(name) for name in names])
            self._sums = TermSummation(names, plain, design.target, numbers, design.weights, design.weight_type)

    def add(self, kept: Counted) -> None:
        cells = [kept.batch.column(name) for name in self._columns]
        there = [column.is_valid().to_numpy(zero_copy_only=False) for column in cells]
        others = [numbers_of(kept.batch.column(name)) for name in self._others]
        self._sums.add(np.column_stack([*(numbers_of(column, 0.0) for column in cells), *there, *others]).astype(np.float64))
        for name, column in zip(self._columns, cells, strict=True):
            if column.null_count:
                self.n_missing[name] = self.n_missing.get(name, 0) + column.null_count

    def imputed(self) -> dict[str, float]:
        """For each column that lacks cells: the nearest double, or decimal of 15 digits, or microsecond.

        Raises: MissingValue: it lacks all.
        """
        if not self.n_missing:
            return {}
        sums = self._sums.result()
        units, q = sums.exact_units, len(self._columns)
        found = {}
        for j, name in enumerate(self._columns):
            if name not in self.n_missing:
                continue
            weight = sums.sums[0, 1 + q + j] * units[q + j]
            if weight == 0:
                raise MissingValue(0, name)
            mean = sums.sums[0, 1 + j] * units[j] / weight
            over, under = int(mean.p), int(mean.q)
            if name in self._timestamps:  # which are of whole microseconds
                found[name] = float(round(Fraction(over, under)))
                continue
            # Each rounds once, ties to even.
            is_decimal = sums.numbers == "decimal"
            found[name] = float(_DIGITS.divide(Decimal(over), Decimal(under))) if is_decimal else over / under
        return found
