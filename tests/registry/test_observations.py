"""The rows of a fit, read again."""

import numpy as np
import pyarrow as pa
import pytest

from service.ingest.errors import MissingValue
from service.registry.design import Design, Found
from service.registry.observations import RowsOfFit, from_bytes, of_columns, to_bytes

DESIGN = Design(features=("x",), target="y", weights="w", missing="drop")
COLUMNS = {
    "x": np.array([1.0, np.nan, 3.0, 4.0, 5.0]),
    "y": np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
    "w": np.array([1.0, 1.0, 0.0, 2.0, 1.0]),
    "site": np.array([1.0, 1.0, 2.0, 2.0, 2.0]),
}


def rows(cluster: str | None = None) -> RowsOfFit:
    return of_columns(COLUMNS, DESIGN, Found(), cluster)


def test_rows_that_the_fit_does_not_count_are_left_out_and_the_others_keep_their_places() -> None:
    (block,) = rows().blocks()
    assert block.places.tolist() == [0, 3, 4]
    assert block.X.tolist() == [[1.0], [4.0], [5.0]]
    assert block.y.tolist() == [1.0, 4.0, 5.0]
    assert block.weights is not None
    assert block.weights.tolist() == [1.0, 2.0, 1.0]


def test_a_part_of_the_rows_is_read_by_their_places() -> None:
    (block,) = rows().blocks(1, 4)
    assert block.places.tolist() == [3]
    assert not list(rows().blocks(5, 9))


def test_the_column_that_groups_the_rows_comes_with_them() -> None:
    (block,) = rows("site").blocks()
    assert block.cluster is not None
    assert block.cluster.to_pylist() == [1.0, 2.0, 2.0]


def test_a_row_that_belongs_to_no_group_is_refused_with_its_place() -> None:
    lacking = of_columns(COLUMNS | {"site": np.array([1.0, 1, 1, np.nan, 1])}, DESIGN, Found(), "site")
    with pytest.raises(MissingValue) as refusal:
        list(lacking.blocks())
    assert refusal.value.row == 3


def test_blocks_are_read_piece_by_piece() -> None:
    batch = pa.record_batch({"x": pa.array(range(300_000), pa.float64()), "y": pa.array(range(300_000), pa.float64())})
    whole = RowsOfFit(Design(features=("x",), target="y"), Found(), 0, 300_000, lambda *_: iter([batch]))
    places = [block.places for block in whole.blocks()]
    assert len(places) > 1
    assert np.concatenate(places).tolist() == list(range(300_000))


def test_columns_come_back_as_they_were_kept() -> None:
    names = ("y", "x")
    kept = from_bytes(to_bytes(COLUMNS, names), names)
    assert kept["y"].tolist() == COLUMNS["y"].tolist()
    assert np.array_equal(kept["x"], COLUMNS["x"], equal_nan=True)
