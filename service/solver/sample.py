"""Rows made up: a straight line with noise."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def line(n_samples: int, slope: float, intercept: float, noise_std: float, random_state: int) -> tuple[Floats, Floats]:
    """The pair x (n,), uniform on [0, 1), and y (n,) = intercept + slope x + noise_std times a standard normal number.

    x is drawn first, then the noise, from numpy's default generator: the same arguments give the same rows for as long
    as numpy keeps its streams.
    """
    rng = np.random.default_rng(random_state)
    x = rng.random(n_samples)
    return x, intercept + slope * x + noise_std * rng.standard_normal(n_samples)
