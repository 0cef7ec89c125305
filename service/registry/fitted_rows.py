"""The rows of fitted models: those of a version of a data set, or those that came with the call and were kept."""

from collections.abc import Sequence

import sqlalchemy as sa

from service.registry import observations
from service.registry.datasets import Datasets
from service.registry.errors import InlineRowsNotKept
from service.registry.models import Model
from service.registry.observations import Columns, RowsOfFit
from service.store.additions import Row
from service.store.tables import Store, inline_rows

MOST_BYTES = 1 << 20  # of the rows in a call: SQLite holds what is smaller in a few pages of its own


class FittedRows:
    """Finds the rows of models again."""

    def __init__(self, store: Store, datasets: Datasets) -> None:
        self._store, self._datasets = store, datasets

    def of(self, model: Model, cluster: str | None = None) -> RowsOfFit:
        """Args: cluster: the column that says which rows belong together.

        Raises: NotFound: the data set, or its version, is gone; NoRowsKept: it was made of moments; InlineRowsNotKept.
        """
        design, found, id_ = model.design, model.found, model.body["dataset_id"]
        if id_ is not None:
            return observations.of_dataset(self._datasets, id_, model.body["dataset_version"], design, found, cluster)
        names = row_columns(design.columns, model.body["options"]["cluster"])
        columns = inline_of(self._store, model.body["job_id"], names)
        if columns is None:
            raise InlineRowsNotKept(model.id, MOST_BYTES)
        return observations.of_columns(columns, design, found, cluster)


def inline_of(store: Store, job_id: str, names: Sequence[str]) -> Columns | None:
    """The rows that came in the call of a job, if they were few."""
    with store.read() as connection:
        query = sa.select(inline_rows.c.value).where(inline_rows.c.job_id == job_id)
        value = connection.execute(query).scalar_one_or_none()
    return None if value is None else observations.from_bytes(value, names)


def are_few(columns: Columns, names: Sequence[str]) -> bool:
    """Whether rows in the call are kept with their model."""
    return sum(columns[name].nbytes for name in names) <= MOST_BYTES


def kept(job_id: str, columns: Columns, names: Sequence[str]) -> list[Row]:
    """What is to be kept of rows that came in the call: nothing, if they are many."""
    if not are_few(columns, names):
        return []
    return [(inline_rows, {"job_id": job_id, "value": observations.to_bytes(columns, names)})]


def row_columns(columns: Sequence[str], cluster: str | None) -> tuple[str, ...]:
    """The columns of a design's rows, and the one that says which rows belong together."""
    return (*columns,) if cluster is None or cluster in columns else (*columns, cluster)
