"""Logical blocks of rows: cut by position, whatever pieces the rows came in."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 4096

ReadBlock = Callable[[int], NDArray[np.float64]]  # rows BLOCK_ROWS * i and on, (m, columns); the last may be short
