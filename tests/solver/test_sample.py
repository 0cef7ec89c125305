"""The generated line is what it says, and the same one each time."""

import numpy as np

from service.solver.sample import line


def test_without_noise_it_is_the_line() -> None:
    """Only intercept + slope x, x in [0, 1)."""
    x, y = line(1_000, slope=2.0, intercept=-1.0, noise_std=0.0, random_state=1)

    np.testing.assert_array_equal(y, -1.0 + 2.0 * x)
    assert 0.0 <= x.min() < 0.01
    assert 0.99 < x.max() < 1.0


def test_noise_has_the_spread_that_was_asked_for() -> None:
    """Normal around the line, of standard deviation noise_std."""
    x, y = line(100_000, slope=np.pi, intercept=0.0, noise_std=0.5, random_state=2)
    noise = y - np.pi * x

    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 0.5) < 0.01
    assert abs(np.corrcoef(x, noise)[0, 1]) < 0.01


def test_the_same_state_draws_the_same_points_and_another_does_not() -> None:
    """A data set can be made again from its options."""
    once, again, other = (line(50, np.pi, 0.0, 0.5, state) for state in (0, 0, 1))

    np.testing.assert_array_equal(once, again)
    assert not np.isin(once[0], other[0]).any()
