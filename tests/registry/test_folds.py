"""Sums by fold."""

import numpy as np
import pytest

from service.registry.design import Design, Found
from service.registry.folds import moments_by_fold
from service.registry.observations import of_columns
from service.solver.folds import folds
from service.solver.moments import Moments

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize("p", [2, 1000], ids=["in one pass", "of many columns, a fold a pass"])
def test_each_fold_is_the_sum_of_its_rows_and_progress_ends_at_all_of_them(p: int) -> None:
    """However often the rows are read: a share of all reading, which never falls."""
    names = tuple(f"x{j}" for j in range(p))
    columns = {name: RANDOM.normal(size=7) for name in (*names, "y")}
    rows, seen = of_columns(columns, Design(features=names, target="y"), Found()), list[int]()

    made = moments_by_fold(rows, "float64", 3, seen.append)

    few, of_row = ("x0", "x1", "y"), folds(np.arange(7), 3)
    block = np.array([columns[name] for name in few]).T
    assert [one.select(few).digest() for one in made] == [Moments.of(block[of_row == j], few).digest() for j in range(3)]
    assert seen == sorted(seen)
    assert seen[-1] == 7
