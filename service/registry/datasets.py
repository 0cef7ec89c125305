"""Data sets: rows on disk, and with each version the exact sums that were made while they came in."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa

from service.registry.absorb import TYPES, Column, absorb, described
from service.registry.errors import ColumnsDiffer, DatasetInUse, NotFound, TypesDiffer
from service.registry.idents import new_id, now
from service.registry.pages import Page, paged
from service.registry.panels import Panels
from service.registry.versions import Also, AlsoAppended, Dataset, Version, dataset_of, described_versions, nothing
from service.solver.reading import Numbers
from service.store.rows import Part, PartWriter, Rows, path
from service.store.tables import UNFINISHED, Store, datasets, jobs, parts, versions


class Datasets:
    """The data sets, over the store. What is returned is durable."""

    def __init__(self, store: Store, folder: Path, whole_up_to: int, panels: Panels) -> None:
        self._store, self._folder, self._whole_up_to, self._panels = store, folder, whole_up_to, panels

    def create(self, batches: Iterable[pa.RecordBatch], name: str, numbers: Numbers, also: Also = nothing) -> Dataset:
        """Take in a new data set.

        Raises: NotFinite, OutOfRange, TooManyDigits, and what `batches` raises; nothing is kept then.
        """
        id_ = new_id("ds")
        with PartWriter(self._folder, f"{id_}_1") as writer:
            absorbed = absorb(batches, writer, numbers, self._whole_up_to)
            made = Dataset(id_, name, 1, numbers, absorbed.n_rows, described(absorbed.columns, absorbed.panels), now())
            version = Version.of(made, absorbed.panels, absorbed.n_rows, writer.path.stem)
            writer.commit()
            try:
                with self._store.write() as connection:
                    values = {"id": id_, "name": name, "numbers": numbers, "created_at": made.created_at}
                    connection.execute(sa.insert(datasets).values(values))
                    version.insert(connection)
                    also(connection, made)
            except BaseException:
                writer.path.unlink(missing_ok=True)
                raise
        self._panels.keep(version)
        return made

    def append(self, id_: str, batches: Iterable[pa.RecordBatch], also: AlsoAppended = nothing) -> tuple[Dataset, int]:
        """Take in more rows of a data set: its next version, and how many rows there were before. Columns go by name.

        Raises: NotFound, ColumnsDiffer, TypesDiffer, and as `create`.
        """
        before = self.get(id_)
        with PartWriter(self._folder, f"{id_}_{new_id('rows')}") as writer:
            absorbed = absorb(_matched(batches, before.columns), writer, before.numbers, self._whole_up_to)
            writer.commit()
            try:
                while True:
                    # Made outside the transaction, which all others wait for; once more if another append came between.
                    before = self.get(id_)
                    version = Version.after(before, self._panels.of(before), absorbed, writer.path.stem)
                    with self._store.write() as connection:
                        if self.get(id_, connection=connection).version == before.version:
                            version.insert(connection)
                            also(connection, version.made, before.n_samples)
                            break
            except BaseException:
                writer.path.unlink(missing_ok=True)
                raise
        self._panels.keep(version)
        return version.made, before.n_samples

    def get(self, id_: str, version: int | None = None, connection: sa.Connection | None = None) -> Dataset:
        """A version of a data set, or its newest. Raises: NotFound."""
        query = described_versions().where(datasets.c.id == id_)
        query = query.where(versions.c.version == version) if version is not None else query
        query = query.order_by(versions.c.version.desc()).limit(1)
        if connection is not None:
            row = connection.execute(query).one_or_none()
        else:
            with self._store.read() as reading:
                row = reading.execute(query).one_or_none()
        if row is None:
            raise NotFound("data set" if version is None else f"version {version} of data set", id_)
        return dataset_of(row)

    def exists(self, id_: str) -> bool:
        """Whether the data set is still here."""
        with self._store.read() as connection:
            return is_here(connection, id_)

    def page(self, limit: int, before: int | None) -> Page[Dataset]:
        """The newest data sets, each in its newest version."""
        of_the_same = versions.c.dataset_id == datasets.c.id
        newest = sa.select(sa.func.max(versions.c.version)).where(of_the_same).correlate(datasets).scalar_subquery()
        query = described_versions().where(versions.c.version == newest)
        page = paged(self._store, query, datasets.c.seq, limit, before)
        return Page([dataset_of(row) for row in page.items], page.next)

    def delete(self, id_: str) -> None:
        """Forget a data set, rows and all; models stay. Raises: NotFound, DatasetInUse."""
        reading_job = sa.select(jobs.c.id).where(jobs.c.rows_dataset_id == id_, jobs.c.state.in_(UNFINISHED))
        with self._store.write() as connection:
            job_id = connection.execute(reading_job.limit(1)).scalar_one_or_none()
            if job_id is not None:
                raise DatasetInUse(id_, job_id)
            files = connection.execute(sa.select(parts.c.file).where(parts.c.dataset_id == id_)).scalars().all()
            if not connection.execute(sa.delete(datasets).where(datasets.c.id == id_)).rowcount:
                raise NotFound("data set", id_)
        self._panels.forget(id_)
        for file in files:  # a crash before this leaves files that no table names: they are swept at the next start
            path(self._folder, file).unlink(missing_ok=True)

    def rows(self, id_: str, version: int) -> Rows:
        """The rows of a version. Raises: NotFound, and so does whoever reads them once the data set is deleted."""
        self.get(id_, version)
        query = sa.select(parts.c.file, parts.c.n_rows).where(parts.c.dataset_id == id_, parts.c.added_in <= version)
        with self._store.read() as connection:
            found = connection.execute(query.order_by(parts.c.added_in)).all()
        if not found:
            raise NotFound("data set", id_)

        def missing(error: FileNotFoundError) -> Exception:
            return error if self.exists(id_) else NotFound("data set", id_)

        return Rows([Part(path(self._folder, row.file), row.n_rows) for row in found], missing)

    def files(self) -> set[str]:
        """The row files that belong to data sets."""
        with self._store.read() as connection:
            return set(connection.execute(sa.select(parts.c.file)).scalars())


def require(connection: sa.Connection, id_: str) -> None:
    """In the transaction of whoever will need the data set: once it is there, it stays until that ends.

    Raises: NotFound.
    """
    if not is_here(connection, id_):
        raise NotFound("data set", id_)


def is_here(connection: sa.Connection, id_: str) -> bool:
    return connection.execute(sa.select(datasets.c.seq).where(datasets.c.id == id_)).one_or_none() is not None


def _matched(batches: Iterable[pa.RecordBatch], columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    """The batches with their columns in the data set's order."""
    batches = iter(batches)
    first = next(batches)
    known, sent = [column.name for column in columns], list(first.schema.names)
    if set(known) != set(sent):
        raise ColumnsDiffer([name for name in known if name not in sent], [name for name in sent if name not in known])
    for column in columns:
        got = TYPES[first.schema.field(column.name).type]
        if got != column.type:
            raise TypesDiffer(column.name, column.type, got)
    yield from (batch.select(known) for batch in chain([first], batches))
