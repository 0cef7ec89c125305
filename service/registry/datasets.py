"""Data sets: rows on disk, and with each version the exact sums that were made while they came in."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self, cast

import orjson
import pyarrow as pa
import sqlalchemy as sa

from service.registry.absorb import TYPES, Absorbed, Column, absorb, described
from service.registry.errors import ColumnsDiffer, DatasetInUse, NotFound, NotNumeric, TypesDiffer
from service.registry.idents import new_id, now
from service.registry.kept import Kept
from service.registry.pages import Page, paged
from service.solver.errors import UnknownColumn
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.store.rows import Part, PartWriter, Rows, path
from service.store.tables import UNFINISHED, Store, datasets, jobs, moments, parts, versions

MADE_FOR_A_FIT = -1  # positions from here down in the table of moments, the newest the lowest
KEPT_FOR_FITS = 16  # of a version: a wide data set has more choices of features than there is disk
PANELS_BYTES = 256 << 20  # of sums kept in memory, each counted as long as it is in the store

Progress = Callable[[int, int], None]  # rows read, rows in all; may raise to stop the pass


@dataclass(frozen=True, slots=True)
class Dataset:
    """A version of a data set."""

    id: str
    name: str
    version: int
    numbers: Numbers
    n_samples: int
    columns: tuple[Column, ...]
    created_at: str

    def numeric(self, role: str, name: str) -> str:
        """The name, if it is that of a column of numbers. Raises: UnknownColumn, NotNumeric."""
        column = next((column for column in self.columns if column.name == name), None)
        if column is None:
            raise UnknownColumn(name, tuple(column.name for column in self.columns))
        if column.type != "number":
            raise NotNumeric(role, name, column.type)
        return name


Also = Callable[[sa.Connection, Dataset], None]  # what else belongs into the transaction that makes a version
AlsoAppended = Callable[[sa.Connection, Dataset, int], None]  # the same, with the number of rows before


def _nothing(*_made: object) -> None:
    pass


class Datasets:
    """The data sets, over the store. What is returned is durable."""

    def __init__(self, store: Store, folder: Path, whole_up_to: int, panels_bytes: int = PANELS_BYTES) -> None:
        self._store, self._folder, self._whole_up_to = store, folder, whole_up_to
        self._panels = Kept[tuple[str, int], tuple[Moments, ...]](panels_bytes)

    def create(self, batches: Iterable[pa.RecordBatch], name: str, numbers: Numbers, also: Also = _nothing) -> Dataset:
        """Take in a new data set.

        Raises: NotFinite, OutOfRange, TooManyDigits, and what `batches` raises; nothing is kept then.
        """
        id_ = new_id("ds")
        with PartWriter(self._folder, f"{id_}_1") as writer:
            absorbed = absorb(batches, writer, numbers, self._whole_up_to)
            made = Dataset(id_, name, 1, numbers, absorbed.n_rows, described(absorbed.columns, absorbed.panels), now())
            version = _Version.of(made, absorbed.panels, absorbed.n_rows, writer.path.stem)
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
        self._panels.put((id_, 1), absorbed.panels, version.n_bytes)
        return made

    def append(self, id_: str, batches: Iterable[pa.RecordBatch], also: AlsoAppended = _nothing) -> tuple[Dataset, int]:
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
                    version = _Version.after(before, self._panels_of(before), absorbed, writer.path.stem)
                    with self._store.write() as connection:
                        if self.get(id_, connection=connection).version == before.version:
                            version.insert(connection)
                            also(connection, version.made, before.n_samples)
                            break
            except BaseException:
                writer.path.unlink(missing_ok=True)
                raise
        self._panels.put((id_, version.made.version), version.panels, version.n_bytes)
        return version.made, before.n_samples

    def get(self, id_: str, version: int | None = None, connection: sa.Connection | None = None) -> Dataset:
        """A version of a data set, or its newest. Raises: NotFound."""
        query = _described_versions().where(datasets.c.id == id_)
        query = query.where(versions.c.version == version) if version is not None else query
        query = query.order_by(versions.c.version.desc()).limit(1)
        if connection is not None:
            row = connection.execute(query).one_or_none()
        else:
            with self._store.read() as reading:
                row = reading.execute(query).one_or_none()
        if row is None:
            raise NotFound("data set" if version is None else f"version {version} of data set", id_)
        return _dataset(row)

    def exists(self, id_: str) -> bool:
        """Whether the data set is still here."""
        with self._store.read() as connection:
            return _is_here(connection, id_)

    def page(self, limit: int, before: int | None) -> Page[Dataset]:
        """The newest data sets, each in its newest version."""
        of_the_same = versions.c.dataset_id == datasets.c.id
        newest = sa.select(sa.func.max(versions.c.version)).where(of_the_same).correlate(datasets).scalar_subquery()
        query = _described_versions().where(versions.c.version == newest)
        page = paged(self._store, query, datasets.c.seq, limit, before)
        return Page([_dataset(row) for row in page.items], page.next)

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
        self._panels.drop(lambda key: key[0] == id_)
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

    def summed(self, dataset: Dataset, columns: Sequence[str]) -> Moments | None:
        """The moments of these columns, if they have been made: then the number of rows does not matter."""
        for panel in self._panels_of(dataset):
            if set(columns) <= set(panel.columns):
                return panel.select(columns)
        with self._store.read() as connection:
            made = moments.c.columns_key == _columns_key(columns), moments.c.position <= MADE_FOR_A_FIT
            value = connection.execute(_moments_of(dataset).where(*made)).scalars().first()
        return Moments.from_bytes(value).select(columns) if value is not None else None

    def sum_up(self, dataset: Dataset, columns: Sequence[str], progress: Progress) -> Moments:
        """The moments of these columns from a pass over the rows, kept for the next fit that asks for them.

        Raises: NotFound; what `progress` raises.
        """
        summation = Summation(sorted(columns), dataset.numbers)
        n_read = 0
        for block in self.rows(dataset.id, dataset.version).blocks(summation.columns):
            summation.add(block)
            n_read += len(block)
            progress(n_read, dataset.n_samples)
        made = summation.result()
        row = _moments_row(dataset, MADE_FOR_A_FIT, made)
        with self._store.write() as connection:
            if _is_here(connection, dataset.id):
                lowest = connection.execute(_moments_of(dataset, sa.func.min(moments.c.position))).scalar()
                row["position"] = min(lowest or 0, 0) + MADE_FOR_A_FIT
                connection.execute(sa.insert(moments).values(row))
                of_version = moments.c.dataset_id == dataset.id, moments.c.version == dataset.version
                position = moments.c.position
                oldest = position <= MADE_FOR_A_FIT, position >= row["position"] + KEPT_FOR_FITS
                connection.execute(sa.delete(moments).where(*of_version, *oldest))
        return made.select(columns)

    def files(self) -> set[str]:
        """The row files that belong to data sets."""
        with self._store.read() as connection:
            return set(connection.execute(sa.select(parts.c.file)).scalars())

    def _panels_of(self, dataset: Dataset) -> tuple[Moments, ...]:
        panels = self._panels.get((dataset.id, dataset.version))
        if panels is None:
            query = _moments_of(dataset).where(moments.c.position > MADE_FOR_A_FIT).order_by(moments.c.position)
            with self._store.read() as connection:
                values = connection.execute(query).scalars().all()
            panels = tuple(Moments.from_bytes(value) for value in values)
            self._panels.put((dataset.id, dataset.version), panels, sum(map(len, values)))
        return panels


def require(connection: sa.Connection, id_: str) -> None:
    """In the transaction of whoever will need the data set: once it is there, it stays until that ends.

    Raises: NotFound.
    """
    if not _is_here(connection, id_):
        raise NotFound("data set", id_)


def _is_here(connection: sa.Connection, id_: str) -> bool:
    return connection.execute(sa.select(datasets.c.seq).where(datasets.c.id == id_)).one_or_none() is not None


def _described_versions() -> sa.Select[Any]:
    return sa.select(
        datasets.c.id, datasets.c.name, datasets.c.numbers, versions.c.version, versions.c.n_samples, versions.c.columns,
        versions.c.created_at,
    ).join(versions, versions.c.dataset_id == datasets.c.id)  # fmt: skip


def _dataset(row: sa.Row[Any]) -> Dataset:
    columns = tuple(Column(**column) for column in orjson.loads(row.columns))
    return Dataset(row.id, row.name, row.version, cast("Numbers", row.numbers), row.n_samples, columns, row.created_at)


def _moments_of(dataset: Dataset, what: sa.ColumnElement[Any] = moments.c.value) -> sa.Select[Any]:
    return sa.select(what).where(moments.c.dataset_id == dataset.id, moments.c.version == dataset.version)


@dataclass(frozen=True, slots=True, eq=False)
class _Version:
    """A version as it is kept: all that takes time is done when there is one."""

    made: Dataset
    panels: tuple[Moments, ...]
    rows: list[tuple[sa.Table, dict[str, Any]]]

    @classmethod
    def of(cls, made: Dataset, panels: tuple[Moments, ...], n_new: int, file: str) -> Self:
        """Args: n_new: the rows that are in `file`."""
        columns = orjson.dumps([asdict(column) for column in made.columns])
        key = {"dataset_id": made.id, "version": made.version}
        version = key | {"n_samples": made.n_samples, "columns": columns, "created_at": made.created_at}
        part = {"dataset_id": made.id, "added_in": made.version, "file": file, "n_rows": n_new}
        sums = [(moments, _moments_row(made, position, panel)) for position, panel in enumerate(panels)]
        return cls(made, panels, [(versions, version), (parts, part), *sums])

    @classmethod
    def after(cls, before: Dataset, panels: Sequence[Moments], absorbed: Absorbed, file: str) -> Self:
        """The next version, with the rows absorbed."""
        summed = tuple(map(Moments.__add__, panels, absorbed.panels))
        columns = described([a.joined(b) for a, b in zip(before.columns, absorbed.columns, strict=True)], summed)
        n_samples = before.n_samples + absorbed.n_rows
        made = replace(before, version=before.version + 1, n_samples=n_samples, columns=columns, created_at=now())
        return cls.of(made, summed, absorbed.n_rows, file)

    @property
    def n_bytes(self) -> int:
        """The size of the panels."""
        return sum(len(row["value"]) for table, row in self.rows if table is moments)

    def insert(self, connection: sa.Connection) -> None:
        for table, row in self.rows:
            connection.execute(sa.insert(table).values(row))


def _moments_row(dataset: Dataset, position: int, value: Moments) -> dict[str, Any]:
    return {
        "dataset_id": dataset.id, "version": dataset.version, "position": position,
        "columns_key": _columns_key(value.columns), "value": value.to_bytes(),
    }  # fmt: skip


def _columns_key(columns: Sequence[str]) -> str:
    return hashlib.sha256(orjson.dumps(sorted(columns))).hexdigest()


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
