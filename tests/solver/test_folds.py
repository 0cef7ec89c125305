"""Which fold a row belongs to."""

import numpy as np
import pytest

from service.solver.folds import folds


@pytest.mark.parametrize("k", [2, 3, 10, 97])
def test_folds_differ_in_size_by_one_at_most(k: int) -> None:
    counts = np.bincount(folds(np.arange(1003), k), minlength=k)
    assert len(counts) == k
    assert counts.max() - counts.min() <= 1


def test_the_fold_of_a_row_follows_from_its_place_alone() -> None:
    whole = folds(np.arange(1000), 7)
    assert folds(np.arange(500, 520), 7).tolist() == whole[500:520].tolist()
    assert folds(np.array([3, 200, 999]), 7).tolist() == whole[[3, 200, 999]].tolist()
    assert not folds(np.array([], np.int64), 7).size


def test_the_folds_of_rows_that_take_turns_do_not() -> None:
    """Rows of A and B in turns are in each fold in equal parts, or nearly."""
    of_row = folds(np.arange(100_000), 10)
    shares = [np.mean(np.flatnonzero(of_row == fold) % 2) for fold in range(10)]
    assert all(0.48 < share < 0.52 for share in shares)


def test_the_folds_are_those_that_they_have_always_been() -> None:
    """Models say how they did on them: they must not change."""
    assert folds(np.arange(12), 4).tolist() == [2, 1, 0, 3, 0, 2, 1, 3, 0, 3, 1, 2]
