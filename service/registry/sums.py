"""The moments of a fit: from those made at upload, those made for a fit before, or a pass over the rows."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from service.registry.datasets import Datasets, is_here
from service.registry.panels import Panels
from service.registry.versions import Dataset, columns_key, moments_of, moments_row
from service.solver.moments import Moments
from service.solver.summation import Summation
from service.store.tables import Store, moments

MADE_FOR_A_FIT = -1  # positions from here down in the table of moments, the newest the lowest
KEPT_FOR_FITS = 16  # of a version: a wide data set has more choices of features than there is disk

Progress = Callable[[int, int], None]  # rows read, rows in all; may raise to stop the pass


class Sums:
    """The sums of products of the columns of data sets."""

    def __init__(self, store: Store, datasets: Datasets, panels: Panels) -> None:
        self._store, self._datasets, self._panels = store, datasets, panels

    def known(self, dataset: Dataset, columns: Sequence[str]) -> Moments | None:
        """The moments of these columns, if they have been made: then the number of rows does not matter."""
        for panel in self._panels.of(dataset):
            if set(columns) <= set(panel.columns):
                return panel.select(columns)
        with self._store.read() as connection:
            made = moments.c.columns_key == columns_key(columns), moments.c.position <= MADE_FOR_A_FIT
            value = connection.execute(moments_of(dataset).where(*made)).scalars().first()
        return Moments.from_bytes(value).select(columns) if value is not None else None

    def made(self, dataset: Dataset, columns: Sequence[str], progress: Progress) -> Moments:
        """The moments of these columns from a pass over the rows, kept for the next fit that asks for them.

        Raises: NotFound; what `progress` raises.
        """
        summation = Summation(sorted(columns), dataset.numbers)
        n_read = 0
        for block in self._datasets.rows(dataset.id, dataset.version).blocks(summation.columns):
            summation.add(block)
            n_read += len(block)
            progress(n_read, dataset.n_samples)
        made = summation.result()
        row = moments_row(dataset, MADE_FOR_A_FIT, made)
        with self._store.write() as connection:
            if is_here(connection, dataset.id):
                lowest = connection.execute(moments_of(dataset, sa.func.min(moments.c.position))).scalar()
                row["position"] = min(lowest or 0, 0) + MADE_FOR_A_FIT
                connection.execute(sa.insert(moments).values(row))
                of_version = moments.c.dataset_id == dataset.id, moments.c.version == dataset.version
                position = moments.c.position
                oldest = position <= MADE_FOR_A_FIT, position >= row["position"] + KEPT_FOR_FITS
                connection.execute(sa.delete(moments).where(*of_version, *oldest))
        return made.select(columns)
