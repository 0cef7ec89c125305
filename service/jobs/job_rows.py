"""Where the rows of a job are: in its data set, in the call that made it, or in what was kept of that."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.ingest import json_rows
from service.jobs import table
from service.jobs.row_figures import MOST_CELLS
from service.jobs.state import Job
from service.jobs.task import Task
from service.registry import fitted_rows, observations
from service.registry.datasets import Datasets
from service.registry.errors import NotFound
from service.registry.observations import Columns, RowsOfFit
from service.registry.summing import Summed
from service.registry.versions import Dataset
from service.store.rows import Part, PartWriter, Rows, path
from service.store.tables import Store


@dataclass(frozen=True, slots=True)
class JobRows:
    """Finds them, and keeps those that the job needs again when it is taken up after a restart."""

    store: Store
    datasets: Datasets
    folder: Path

    def keep(self, job: Job, inline: Columns, n_columns: int) -> str | None:
        """The name of a file of its own, if it needs the rows again and they are too many to be kept in the tables.

        Args: n_columns: of its moments. What it says of its rows unasked must not depend on whether it was taken up again.
        """
        task = job.task
        looks_again = task.reads_rows or len(inline[task.design.target]) * n_columns <= MOST_CELLS
        if not (task.walks_rows or (looks_again and not fitted_rows.are_few(inline, task.row_columns))):
            return None
        with PartWriter(self.folder, job.id) as writer:
            writer.write(json_rows.batch({name: inline[name] for name in task.row_columns}))
            return writer.commit().stem

    def forget(self, job_id: str) -> None:
        """Remove that file, if there is one."""
        path(self.folder, job_id).unlink(missing_ok=True)

    def of_fit(self, job: Job, summed: Summed, inline: Columns | None) -> RowsOfFit | None:
        """Those that the fit counts. None: they came in the call, were not kept, and this is another process.

        Raises: NotFound, NoRowsKept.
        """
        task, design, found = job.task, job.task.design, summed.found
        if task.dataset_id is not None and task.dataset_version is not None:
            return observations.of_dataset(self.datasets, task.dataset_id, task.dataset_version, design, found, task.cluster)
        if inline is None:
            inline = fitted_rows.inline_of(self.store, job.id, task.row_columns)
        if inline is not None:
            return observations.of_columns(inline, design, found, task.cluster)
        own = self._own(job)
        return None if own is None else RowsOfFit(design, found, 0, own.n_rows, own.batches, task.cluster)

    def all(self, job: Job) -> Rows:
        """The rows of an inline fit's own file, or those of its data set. Raises: NotFound, NoRowsKept."""
        own = self._own(job)
        if own is not None:
            return own
        dataset = self.dataset(job)
        return self.datasets.rows(dataset.id, dataset.version)

    def number(self, task: Task, summed: Summed, inline: Columns | None) -> int:
        """How many there are to read, or nearly: those of weight 0 are not known of. Raises: NotFound."""
        if task.design.rows is not None:
            return task.design.rows[1] - task.design.rows[0]
        if inline is not None:
            return len(inline[task.design.target])
        if task.design.weight_type == "frequency" and task.dataset_id is not None:  # the moments count each so many times
            return self.datasets.get(task.dataset_id, task.dataset_version).n_samples
        return summed.moments.n_samples + summed.found.n_dropped

    def ranges(self, job: Job) -> dict[str, list[float]] | None:
        """Of the features, as far as the data set knows them."""
        if job.task.dataset_id is None:
            return None
        try:
            columns = [column for column in self.dataset(job).columns if column.name in job.task.design.features]
        except NotFound:
            return None
        known = {
            column.name: [column.min, column.max] for column in columns if column.min is not None and column.max is not None
        }
        return known or None

    def dataset(self, job: Job) -> Dataset:
        """The version that it is of. Raises: NotFound."""
        assert job.task.dataset_id is not None  # noqa: S101 (an inline fit brings its moments and its rows)
        return self.datasets.get(job.task.dataset_id, job.task.dataset_version)

    def _own(self, job: Job) -> Rows | None:
        """The file of rows that came in the call, if the job has one."""
        with self.store.read() as connection:
            file = table.row_of(connection, job.id).rows_file
        if file is None:
            return None
        where = path(self.folder, file)
        with pa.memory_map(str(where)) as source, pa.ipc.open_file(source) as reader:
            last = reader.num_record_batches - 1
            n_rows = last * reader.get_batch(0).num_rows + reader.get_batch(last).num_rows
        return Rows([Part(where, n_rows)])
