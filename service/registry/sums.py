"""The moments of a fit: from those made at upload, those made for a fit before, or a pass over the rows."""

from collections.abc import Callable
from dataclasses import replace
from math import inf

import pyarrow.compute as pc
import sqlalchemy as sa

from service.ingest.errors import MissingValue
from service.registry.datasets import Datasets, is_here
from service.registry.design import Design, Found, Recipe
from service.registry.panels import Panels
from service.registry.positions import Positions
from service.registry.ranges import Ranges
from service.registry.summing import Summed, n_passes, sum_up
from service.registry.versions import Dataset, columns_key, moments_of, moments_row
from service.solver.moments import Moments
from service.store.tables import Store, moments

MADE_FOR_A_FIT = -1  # positions from here down in the table of moments, the newest the lowest
KEPT_FOR_FITS = 16  # of a version: a wide data set has more choices of features than there is disk

Progress = Callable[[int, int], None]  # rows read, rows in all; may raise to stop the pass


class Sums:
    """The sums of products of the columns of data sets, and of terms made of them."""

    def __init__(self, store: Store, datasets: Datasets, panels: Panels, ranges: Ranges, max_terms: int) -> None:
        self._store, self._datasets, self._panels, self._ranges = store, datasets, panels, ranges
        self._max_terms = max_terms
        self._positions = Positions()

    def of(self, dataset: Dataset, design: Design, progress: Progress = lambda _read, _all: None) -> Summed:
        """The moments of a design, from the rows if they have not been made. Raises: as `known` and `made`."""
        return self.known(dataset, design) or self.made(dataset, design, progress)

    def known(self, dataset: Dataset, design: Design) -> Summed | None:
        """The moments of a design, if they have been made: then the number of rows does not matter.

        Raises: MissingValue: a cell is, and the design does not say what then; NoRowsKept: there is nothing to make
            them of.
        """
        design = self._simplest(dataset, design)
        if design.missing == "error" and design.weights is None:  # a row of weight 0 may lack what it likes
            self._refuse_missing(dataset, design)
        if design.rows is None:
            found = self._kept(dataset, design)
            if found is not None:
                return found
        self._datasets.rows(dataset.id, dataset.version)
        return None

    def made(self, dataset: Dataset, design: Design, progress: Progress) -> Summed:
        """The moments of a design from the rows, kept for the next fit that asks for them.

        Raises: NotFound, NoRowsKept; as `sum_up`; what `progress` raises.
        """
        design = self._simplest(dataset, design)
        if design.rows is not None and _is_of_single_rows(design):
            return self._of_range(dataset, design, design.rows, progress)
        start, stop = design.rows or (0, dataset.n_samples)
        n_rows = (stop - start) * n_passes(design)
        rows = self._datasets.rows(dataset.id, dataset.version)
        made = sum_up(
            lambda: rows.batches(start, stop, design.columns), design, dataset.numbers, self._max_terms,
            lambda n_read: progress(n_read, n_rows),
        )  # fmt: skip
        if design.rows is None:
            self._keep(dataset, design, made)
        return made

    def places(self, dataset: Dataset, column: str, low: float | None, high: float | None) -> tuple[int, int]:
        """The rows a to b whose value in a sorted column is at least `low` and below `high`. Raises: NotSorted, NoRowsKept."""
        rows = self._datasets.rows(dataset.id, dataset.version)
        bounds = -inf if low is None else low, inf if high is None else high
        return self._positions.between(rows, column, *bounds, lambda _read, _all: None)

    def _of_range(self, dataset: Dataset, design: Design, wanted: tuple[int, int], progress: Progress) -> Summed:
        """The moments of a range of rows, from running sums."""
        rows = self._datasets.rows(dataset.id, dataset.version)
        whole = replace(design, rows=None)
        summed = whole
        if design.is_plain:  # whatever is explained by what: one set of running sums
            *features, target = sorted(design.columns)
            summed = replace(whole, features=tuple(features), target=target)

        def sum_rows(start: int, stop: int) -> Moments:
            return sum_up(
                lambda: rows.batches(start, stop, summed.columns), summed, dataset.numbers, self._max_terms, lambda _: None
            ).moments

        n_columns = Recipe.of(design, {}).n_terms + 1
        moments = self._ranges.moments(rows.parts, _key(whole), n_columns, wanted, sum_rows, progress)
        n_dropped = wanted[1] - wanted[0] - moments.n_samples if design.missing == "drop" else 0
        return Summed(moments.select(design.columns) if design.is_plain else moments, Found(n_dropped=n_dropped))

    def _simplest(self, dataset: Dataset, design: Design) -> Design:
        """The design without what makes no difference to this version."""
        if not any(dataset.column(name).n_missing for name in design.columns):
            design = replace(design, missing="error")
        return replace(design, rows=None) if design.rows == (0, dataset.n_samples) else design

    def _kept(self, dataset: Dataset, design: Design) -> Summed | None:
        if design.is_plain and design.missing == "error":
            for panel in self._panels.of(dataset):
                if set(design.columns) <= set(panel.columns):
                    return Summed(panel.select(design.columns), Found())
        made = moments.c.columns_key == _key(design), moments.c.position <= MADE_FOR_A_FIT
        with self._store.read() as connection:
            row = connection.execute(moments_of(dataset, moments.c.value, moments.c.found).where(*made)).first()
        if row is None:
            return None
        found = Moments.from_bytes(row.value)
        return Summed(found.select(design.columns) if design.is_plain else found, Found.from_json(row.found))

    def _keep(self, dataset: Dataset, design: Design, made: Summed) -> None:
        row = moments_row(dataset, MADE_FOR_A_FIT, made.moments)
        row |= {"columns_key": _key(design), "found": made.found.to_json()}
        with self._store.write() as connection:
            if not is_here(connection, dataset.id, dataset.version):
                return
            lowest = connection.execute(moments_of(dataset, sa.func.min(moments.c.position))).scalar()
            row["position"] = min(lowest or 0, 0) + MADE_FOR_A_FIT
            connection.execute(sa.insert(moments).values(row))
            of_version = moments.c.dataset_id == dataset.id, moments.c.version == dataset.version
            position = moments.c.position
            oldest = position <= MADE_FOR_A_FIT, position >= row["position"] + KEPT_FOR_FITS
            connection.execute(sa.delete(moments).where(*of_version, *oldest))

    def _refuse_missing(self, dataset: Dataset, design: Design) -> None:
        """Raises: MissingValue: with the first row where a cell is missing."""
        for name in design.columns:
            if not dataset.column(name).n_missing:
                continue
            start, stop = design.rows or (0, dataset.n_samples)
            for batch in self._datasets.rows(dataset.id, dataset.version).batches(start, stop, [name]):
                at = pc.index(batch.column(0).is_null(), True).as_py()
                if at >= 0:
                    raise MissingValue(start + at, name)
                start += batch.num_rows


def _is_of_single_rows(design: Design) -> bool:
    """Whether what is summed of a row depends on that row alone, and the sums say how many rows there were."""
    return not design.one_hot and (design.missing == "error" or (design.missing == "drop" and design.weights is None))


def _key(design: Design) -> str:
    """Moments of columns of numbers do not depend on which is the target, nor on their order."""
    return columns_key(design.columns) if design.is_plain and design.missing == "error" else design.key
