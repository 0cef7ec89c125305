"""Rows taken in are summed up beside what they come from; that must not show."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from service.ingest.errors import MissingValue
from service.registry.absorb import absorb
from service.registry.summing import sum_up
from service.solver.errors import BadWeight, UnreadableNumber
from service.solver.moments import Moments
from service.solver.summation import Summation
from service.store.rows import PartWriter
from tests.registry.opened import plain

NAMES = ("x", "y")
N_ROWS = 20_000  # of a batch of two columns: several are handed over to threads


def batch(value: float | None = 1.0, n_rows: int = N_ROWS) -> pa.RecordBatch:
    """The value, and ones but for their last cell."""
    ones = np.ones(n_rows)
    return pa.RecordBatch.from_arrays([pa.array([*ones[:-1], value], pa.float64()), pa.array(ones)], names=list(NAMES))


def then(error: Exception, *batches: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    yield from batches
    raise error


@pytest.mark.parametrize("n_before", [0, 3, 40])
@pytest.mark.parametrize("n_after", [0, 1, 40])
def test_what_is_wrong_in_a_row_before_is_told_and_not_that_the_body_ends(tmp_path: Path, n_before: int, n_after: int) -> None:
    """The first error of a body is the one to mend first, and the same each time it is sent."""
    batches = then(ConnectionResetError(), *[batch()] * n_before, batch(np.inf), *[batch()] * n_after)

    with PartWriter(tmp_path, "rows") as writer, pytest.raises(UnreadableNumber) as caught:
        absorb(batches, writer, "float64", whole_up_to=9)

    assert (caught.value.row, caught.value.column) == ((n_before + 1) * N_ROWS - 1, "x")


def test_the_sums_are_those_of_the_rows(tmp_path: Path) -> None:
    """Whatever threads they were made in."""
    values = np.random.default_rng(5).normal(size=(30, N_ROWS, 2))
    batches = [pa.RecordBatch.from_arrays([pa.array(c) for c in block.T.copy()], names=list(NAMES)) for block in values]

    with PartWriter(tmp_path, "rows") as writer:
        absorbed = absorb(batches, writer, "float64", whole_up_to=9)

    assert [panel.digest() for panel in absorbed.panels] == [Moments.of(values.reshape(-1, 2), NAMES).digest()]


def test_data_wider_than_what_is_summed_whole_holds_no_rows_for_its_panels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand columns each of 32 panels would hold some MB of rows that wait; they are summed up as they come."""
    added: list[int] = []
    add: Callable[[Summation, np.ndarray], None] = Summation.add

    def noted(summation: Summation, block: np.ndarray) -> None:
        added.append(len(block))
        add(summation, block)

    monkeypatch.setattr(Summation, "add", noted)

    def batches() -> Iterator[pa.RecordBatch]:
        for n_before in range(3):
            assert len(added) == 2 * n_before
            yield pa.RecordBatch.from_arrays([pa.array([1.0])] * 40, names=[f"x{j}" for j in range(40)])

    with PartWriter(tmp_path, "rows") as writer:
        assert len(absorb(batches(), writer, "float64", whole_up_to=9).panels) == 2


def test_of_what_is_wrong_in_two_rows_of_a_fit_the_first_is_told() -> None:
    """A weight below 0, still being summed up, before a cell that is missing later."""
    design = replace(plain("x", "y"), weights="x")

    with pytest.raises(BadWeight) as caught:
        sum_up(lambda: [batch(), batch(-1.0), batch(None)], design, "float64", 9, lambda _: None)
    assert caught.value.row == 2 * N_ROWS - 1

    with pytest.raises(MissingValue) as missing:
        sum_up(lambda: [batch(), batch(None), batch(-1.0)], design, "float64", 9, lambda _: None)
    assert missing.value.row == 2 * N_ROWS - 1
