"""Data sets: rows on disk, and with each version the exact sums that were made while they came in."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import sqlalchemy as sa

from service.registry.absorb import absorb
from service.registry.changes import Arrival, Step, files_kept_if_all_goes_well, step
from service.registry.columns import joined
from service.registry.conditions import Condition
from service.registry.errors import DatasetInUse, NoRowsKept, NoRowsLeft, NotFound
from service.registry.idents import new_id
from service.registry.kept import Kept
from service.registry.matching import matched, types_of
from service.registry.pages import Page, paged
from service.registry.panels import Panels
from service.registry.parts import KeptPart, forget_sums, has_rows, parts_of, reading_job
from service.registry.ranges import Ranges
from service.registry.removal import Choice, Removal, Remover, first, those_of, those_where
from service.registry.turns import Turns
from service.registry.versions import Also, AlsoChanged, Change, Dataset, dataset_of, described_versions, nothing
from service.registry.windows import LastSpan, Window, held, to_json
from service.solver.reading import Numbers
from service.store.rows import Part, PartWriter, Rows, path
from service.store.tables import Store, datasets, parts, versions

KEPT_CELLS = 250_000  # parts x columns in memory, some 200 bytes each: of data sets that rows are taken away from

Standing = Literal["here", "stale", "gone"]

MOST_WAITING = 16  # for the turn to change one data set: each holds a thread that others need


class Datasets:
    """The data sets, over the store. What is returned is durable."""

    def __init__(self, store: Store, folder: Path, whole_up_to: int, panels: Panels, ranges: Ranges) -> None:
        self._store, self._folder, self._whole_up_to, self._panels = store, folder, whole_up_to, panels
        self._ranges = ranges
        self._turns = Turns()
        self._kept = Kept[str, tuple[int, tuple[KeptPart, ...]]](KEPT_CELLS)  # with the version they are of

    def create(
        self,
        batches: Iterable[pa.RecordBatch],
        name: str,
        numbers: Numbers,
        also: Also = nothing,
        window: Window | None = None,
    ) -> Dataset:
        """Take in a new data set; with a window, as much of it as stays.

        Raises: NotFinite, OutOfRange, TooManyDigits, and what `batches` raises; nothing is kept then. UnknownColumn,
            NotNumeric, MissingValue: of the window's column.
        """
        new = Dataset(new_id("ds"), name, 0, numbers, 0, (), "", window)
        with files_kept_if_all_goes_well() as written:
            arrival = self._taken_in(held(batches, window), new, f"{new.id}_1", written)
            made = step(new, (), arrival, self._outside(new, (), arrival, written))
            with self._store.write() as connection:
                values = {"id": new.id, "name": name, "numbers": numbers, "window": to_json(window)}
                connection.execute(sa.insert(datasets).values(values | {"created_at": made.change.made.created_at}))
                made.insert(connection)
                also(connection, made.change.made)
        self._settle(made)
        return made.change.made

    def append(self, id_: str, batches: Iterable[pa.RecordBatch], also: AlsoChanged = nothing) -> Change:
        """Take in more rows of a data set: its next version, in which only those stay that its window holds. Columns go by name.

        Raises: NotFound, NoRowsKept, ColumnsDiffer, TypesDiffer, and as `create`; DatasetInUse: rows would leave.
        """
        known = self.get(id_)
        self._require_rows(known)
        with files_kept_if_all_goes_well() as written:
            came = held(matched(batches, types_of(known.columns)), known.window)
            arrival = self._taken_in(came, known, f"{id_}_{new_id('rows')}", written)
            with self._turns.of(id_):
                before = self.get(id_)
                arrival = arrival.of_version(before.version + 1)
                kept = [] if before.window is None else self._parts(before)
                made = step(before, self._panels.of(before), arrival, self._outside(before, kept, arrival, written))
                self._keep(made, also)
        return made.change

    def remove_version(self, id_: str, version: int) -> Change:
        """Take away the rows that came with a version, or what is left of them; without any, the version that was.

        Raises: NotFound: there was no such version; and as `remove_where`.
        """
        if version > self.get(id_).version:
            raise NotFound(f"version {version} of data set", id_)
        return self._remove(id_, those_of(version))

    def remove_where(self, id_: str, condition: Condition) -> Change:
        """Take away the rows for which a condition holds: a new version, as if they had never come; without any, the old.

        Raises: NotFound, NoRowsKept, NoRowsLeft, DatasetInUse.
        """
        return self._remove(id_, those_where(condition))

    def _remove(self, id_: str, choice: Choice) -> Change:
        with files_kept_if_all_goes_well() as written, self._turns.of(id_, MOST_WAITING):
            before = self.get(id_)
            kept, panels = self._parts(before), self._panels.of(before)
            with self._store.read() as connection:
                self._refuse_if_read(connection, id_)  # again below: this one spares the work
            removal = Remover(self._folder, id_, panels, written).removed(kept, choice, is_wiped=True)
            if not removal.n_removed:
                return Change(before)
            if not removal.left:
                raise NoRowsLeft(id_)
            made = step(before, panels, None, removal)
            self._keep(made, nothing)
        self._store.empty_log()
        return made.change

    def _taken_in(self, batches: Iterable[pa.RecordBatch], to: Dataset, file: str, written: list[Path]) -> Arrival:
        with PartWriter(self._folder, file) as writer:
            absorbed = absorb(batches, writer, to.numbers, self._whole_up_to)
            written.append(writer.commit())
        return Arrival.of(absorbed, to.version + 1, file)

    def _outside(self, before: Dataset, kept: Sequence[KeptPart], arrival: Arrival, written: list[Path]) -> Removal | None:
        """The rows that the window does not hold taken away, if there is one."""
        came, window = arrival.part, before.window
        if window is None:
            return None
        if isinstance(window, LastSpan):
            columns = joined(before.columns, came.columns) if before.columns else came.columns
            choice = those_where(window.left(columns, before.numbers))
        else:
            choice = first(before.n_samples + came.n_rows - window.rows)
        remover = Remover(self._folder, before.id, arrival.panels, written)
        return remover.removed([*kept, came], choice, is_wiped=False)

    def _keep(self, made: Step, also: AlsoChanged) -> None:
        """Make the next version durable. Raises: NotFound, DatasetInUse."""
        id_ = made.change.made.id
        with self._store.write() as connection:
            require(connection, id_)
            if made.takes_away:
                self._refuse_if_read(connection, id_)
            made.insert(connection)
            also(connection, made.change)
        self._settle(made)

    def _settle(self, made: Step) -> None:
        """What follows once a version is durable; a crash before leaves files that no table names: they are swept."""
        if made.takes_away:
            self._panels.forget(made.change.made.id)
        self._panels.keep(made.version)
        self._remember(made)
        self._drop(made.unused)

    def _drop(self, files: Iterable[str]) -> None:
        for file in files:
            path(self._folder, file).unlink(missing_ok=True)
            self._ranges.forget(file)

    def _refuse_if_read(self, connection: sa.Connection, id_: str) -> None:
        job_id = reading_job(connection, id_)
        if job_id is not None:
            raise DatasetInUse(id_, job_id)

    def _remember(self, made: Step) -> None:
        """Keep the parts in memory, if all are known."""
        version = made.change.made.version
        before, kept = self._kept.get(made.change.made.id) or (0, ())
        if made.parts or before == version - 1:
            parts_now = made.parts or (*kept, *made.added)
            n_cells = len(parts_now) * len(made.change.made.columns)
            self._kept.put(made.change.made.id, (version, parts_now), n_cells)

    def _parts(self, dataset: Dataset) -> Sequence[KeptPart]:
        """All parts of the newest version. Raises: NotFound, NoRowsKept."""
        version, kept = self._kept.get(dataset.id) or (0, ())
        if version == dataset.version:
            return kept
        self._require_rows(dataset)
        with self._store.read() as connection:
            return parts_of(connection, dataset.id)

    def _require_rows(self, dataset: Dataset) -> None:
        with self._store.read() as connection:
            has_parts = has_rows(connection, dataset.id)
        if not has_parts:
            self.get(dataset.id)
            raise NoRowsKept(dataset.id)

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

    def versions(self, id_: str) -> list[int]:
        """The versions that are here, rising: each has the rows of the one before and more. Raises: NotFound."""
        query = sa.select(versions.c.version).where(versions.c.dataset_id == id_).order_by(versions.c.version)
        with self._store.read() as connection:
            found = connection.execute(query).scalars().all()
        if not found:
            raise NotFound("data set", id_)
        return list(found)

    def page(self, limit: int, before: int | None) -> Page[Dataset]:
        """The newest data sets, each in its newest version."""
        of_the_same = versions.c.dataset_id == datasets.c.id
        newest = sa.select(sa.func.max(versions.c.version)).where(of_the_same).correlate(datasets).scalar_subquery()
        query = described_versions().where(versions.c.version == newest)
        page = paged(self._store, query, datasets.c.seq, limit, before)
        return Page([dataset_of(row) for row in page.items], page.next)

    def delete(self, id_: str) -> None:
        """Forget a data set, rows and all; models stay. Raises: NotFound, DatasetInUse."""
        # In its turn: whoever is taking rows away reads the files.
        with self._turns.of(id_), self._store.write() as connection:
            self._refuse_if_read(connection, id_)
            files = connection.execute(sa.select(parts.c.file).where(parts.c.dataset_id == id_)).scalars().all()
            forget_sums(connection, files)
            if not connection.execute(sa.delete(datasets).where(datasets.c.id == id_)).rowcount:
                raise NotFound("data set", id_)
        self._panels.forget(id_)
        self._kept.drop(lambda key: key == id_)
        self._drop(files)  # a crash before this leaves files that no table names: they are swept at the next start
        self._store.empty_log()

    def rows(self, id_: str, version: int) -> Rows:
        """The rows of a version.

        Raises: NotFound, and so does whoever reads them once they are gone; NoRowsKept.
        """
        of_version = parts.c.dataset_id == versions.c.dataset_id, parts.c.added_in <= versions.c.version
        # One query, so that the parts are those of the version, if it is still here.
        query = (
            sa.select(parts.c.file, parts.c.first_row, parts.c.n_rows)
            .select_from(versions.outerjoin(parts, sa.and_(*of_version)))
            .where(versions.c.dataset_id == id_, versions.c.version == version)
            .order_by(parts.c.added_in)
        )
        with self._store.read() as connection:
            found = connection.execute(query).all()
        if not found:
            raise self._gone(id_, version)
        if found[0].file is None:
            raise NoRowsKept(id_)

        def missing(error: FileNotFoundError) -> Exception:
            return error if self.standing(id_, version) == "here" else self._gone(id_, version)

        return Rows([Part(path(self._folder, row.file), row.n_rows, row.first_row) for row in found], missing)

    def standing(self, id_: str, version: int) -> Standing:
        """Whether a version is here, or gone because rows were taken away since, or because the data set is."""
        of_set = sa.and_(versions.c.dataset_id == datasets.c.id, versions.c.version == version)
        query = sa.select(versions.c.version).select_from(datasets.outerjoin(versions, of_set)).where(datasets.c.id == id_)
        with self._store.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return "gone"
        return "stale" if row.version is None else "here"

    def _gone(self, id_: str, version: int) -> NotFound:
        return NotFound("data set" if self.standing(id_, version) == "gone" else f"version {version} of data set", id_)

    def files(self) -> set[str]:
        """The row files that belong to data sets."""
        with self._store.read() as connection:
            return set(connection.execute(sa.select(parts.c.file)).scalars())


def require(connection: sa.Connection, id_: str, version: int | None = None) -> None:
    """In the transaction of whoever will need the data set, or a version of it: once it is there, it stays until that ends.

    Raises: NotFound.
    """
    if not is_here(connection, id_):
        raise NotFound("data set", id_)
    if version is not None and not is_here(connection, id_, version):
        raise NotFound(f"version {version} of data set", id_)


def is_here(connection: sa.Connection, id_: str, version: int | None = None) -> bool:
    """Whether the data set, or the version of it, is here."""
    query = sa.select(datasets.c.seq).where(datasets.c.id == id_)
    if version is not None:
        query = sa.select(versions.c.version).where(versions.c.dataset_id == id_, versions.c.version == version)
    return connection.execute(query).one_or_none() is not None
