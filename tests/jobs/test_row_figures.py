"""One pass over the rows of a fit: what it finds does not depend on how they are cut."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from service.jobs.row_figures import Fitted, of_plain, of_rows
from service.jobs.task import Task
from service.registry.design import Design, Found
from service.registry.observations import RowsOfFit, of_columns
from service.solver.evaluation import Evaluation

RNG = np.random.default_rng(4)
N = 300
COLUMNS = {"x": RNG.normal(size=N), "y": RNG.normal(size=N), "w": RNG.integers(1, 9, size=N) / 8}
TASK = Task(
    design=Design(features=("x",), target="y"), fit_intercept=True, l2=0.0, rank_deficient="error", numbers="float64",
    dataset_id=None, dataset_version=None, descent=None,
)  # fmt: skip
WEIGHTED = replace(TASK, design=replace(TASK.design, weights="w"))
EVALUATION = Evaluation((0.25, 0.5), (0.0, 0.0))


def fitted(task: Task, rms: float | None = 1.0) -> Fitted:
    return Fitted(EVALUATION, rms, float(N) if task.design.weights is None else float(COLUMNS["w"].sum()))


def cut(rows: RowsOfFit, step: int) -> RowsOfFit:
    """The same rows, read so many at a time."""

    def read(start: int, stop: int, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in rows.read(start, stop, names):
            yield from (batch.slice(at, step) for at in range(0, batch.num_rows, step))

    return replace(rows, read=read)


@pytest.mark.parametrize("task", [TASK, WEIGHTED], ids=["each row once", "by weight"])
def test_figures_are_those_of_exact_sums_however_rows_are_cut(task: Task) -> None:
    """Rounded once, so that one block of a small fit and many of a file say the same."""
    rows = of_columns(COLUMNS, task.design, Found())
    found = [of_rows(task, one, fitted(task), None, lambda _: None) for one in (rows, cut(rows, 7), cut(rows, 1))]
    left = np.abs(COLUMNS["y"] - 0.25 - 0.5 * COLUMNS["x"])
    w = np.ones(N) if task is TASK else COLUMNS["w"]
    assert {one.mae for one in found} == {found[0].mae}
    assert found[0].mae == pytest.approx(math.fsum(left * w) / math.fsum(w), rel=1e-15)
    assert found[0].log_weights == pytest.approx(math.fsum(np.log(w)), rel=1e-15)
    assert found[0].ranges == {"x": [COLUMNS["x"].min(), COLUMNS["x"].max()]}
    if task is TASK:
        plain = of_plain(task, COLUMNS, fitted(task))
        assert (plain.mae, plain.ranges, plain.log_weights) == (found[0].mae, found[0].ranges, 0.0)


def test_frequencies_have_no_share_in_a_likelihood() -> None:
    """A row that was seen five times is five rows of weight 1."""
    task = replace(WEIGHTED, design=replace(WEIGHTED.design, weight_type="frequency"))
    columns = COLUMNS | {"w": np.arange(1.0, N + 1)}
    assert of_rows(task, of_columns(columns, task.design, Found()), fitted(task), None, lambda _: None).log_weights == 0.0


def test_an_error_beyond_doubles_does_not_exist() -> None:
    """Nor is it infinite; where the fit is exact it is 0."""
    rows = of_columns(COLUMNS, TASK.design, Found())
    for found in (of_plain(TASK, COLUMNS, fitted(TASK, None)), of_rows(TASK, rows, fitted(TASK, None), None, lambda _: None)):
        assert found.mae is None
        assert found.reasons["mae"]
        assert found.ranges
    assert of_plain(TASK, COLUMNS, fitted(TASK, 0.0)).mae == 0.0


def test_the_pass_says_how_far_it_is_and_can_be_stopped() -> None:
    """From the first row of the range that was asked for."""
    task = replace(TASK, design=replace(TASK.design, rows=(10, 40)))
    rows = replace(cut(of_columns(COLUMNS, task.design, Found()), 20), start=10, stop=40)
    told: list[int] = []
    of_rows(task, rows, fitted(task), None, told.append)
    assert told == [20, 30]

    def stop(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        of_rows(task, rows, fitted(task), None, stop)
