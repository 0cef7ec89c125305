"""Differences that add up."""

import math

import numpy as np
import pytest

from service.solver.movements import movements


@pytest.mark.parametrize("scale", [1.0, 1e-9, 1e12, 1e300])
def test_differences_add_up_to_the_last_less_the_first_to_the_bit(scale: float) -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        values = (scale * random.uniform(-1, 1, 20) * 10.0 ** random.integers(-6, 1, 20)).tolist()
        moved, total = movements(values)
        assert moved[0] is None
        added = 0.0
        for value in moved[1:]:
            assert value is not None
            added += value
        assert added == total
        largest = max(map(abs, values))
        assert total is not None
        assert math.isclose(total, values[-1] - values[0], rel_tol=0, abs_tol=2**-49 * largest)


def test_what_is_not_known_moves_nothing_and_what_comes_after_is_held_against_what_came_before() -> None:
    moved, total = movements([None, 1.0, None, 1.5, 1.25])
    assert moved == [None, None, None, 0.5, -0.25]
    assert total == 0.25
    assert movements([None, None]) == ([None, None], None)


def test_nothing_moves_where_all_is_0() -> None:
    assert movements([0.0, 0.0]) == ([None, 0.0], 0.0)
