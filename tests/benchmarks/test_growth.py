"""The slope that the tables of growth tell."""

import pytest

from benchmarks.growth.curves import Curve


def test_the_slope_is_that_of_the_largest_sizes() -> None:
    """What does not grow hides what does while the sizes are small."""
    points = [(1.0, 1.0), (10.0, 1.0), (100.0, 2.0), (1000.0, 200.0), (10_000.0, 20_000.0)]

    curve = Curve(name="it", against="rows", work="it", points=points, theory=2, why="")

    assert curve.slope == pytest.approx(2.0)
