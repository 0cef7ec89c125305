"""What a number means: the double itself, or the shortest decimal that reads as that double."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.solver.decimals import TooLong, Unreadable, shortest
from service.solver.errors import NotFinite, OutOfRange, TooManyDigits

Numbers = Literal["float64", "decimal"]

# Squares, and scalings by the largest value of a column, stay normal doubles: nothing is lost to subnormals or overflow.
SMALLEST, LARGEST = 1e-150, 1e150


def check(block: NDArray[np.float64], columns: Sequence[str], numbers: Numbers, first_row: int = 0) -> None:
    """Refuse a block that holds a number that cannot be read.

    Args: block: (n, q). columns: q names. first_row: where the block's row 0 stands in the whole, for the messages.
    Raises: NotFinite, OutOfRange: NaN or infinite; not 0 and not within 1e-150 .. 1e150.
            TooManyDigits: `numbers` is "decimal" and the shortest decimal has more than 15 significant digits.
    """
    magnitude = np.abs(block)
    if not all_readable(magnitude):
        row, column = (int(i) for i in np.argwhere(~is_readable(magnitude))[0])
        value = float(block[row, column])
        error = OutOfRange if np.isfinite(value) else NotFinite
        raise error(first_row + row, columns[column], value)
    if numbers == "decimal":
        try:
            shortest(block)
        except TooLong as too_long:
            row, column = divmod(too_long.position, block.shape[1])
            raise TooManyDigits(first_row + row, columns[column], float(block[row, column])) from None


def is_readable(magnitude: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which magnitudes can be squared, and scaled by a column's largest, and stay normal doubles."""
    readable: NDArray[np.bool_] = (magnitude <= LARGEST) & ((magnitude >= SMALLEST) | (magnitude == 0))
    return readable


def all_readable(magnitude: NDArray[np.float64]) -> bool:
    """Whether all are; two reductions where there are no zeros, and NaN fails both."""
    if not np.maximum.reduce(magnitude, axis=None, initial=0.0) <= LARGEST:
        return False
    return bool(np.minimum.reduce(magnitude, axis=None, initial=LARGEST) >= SMALLEST or is_readable(magnitude).all())


def readable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values. Raises: Unreadable: not all of them are finite and in range."""
    if not all_readable(np.abs(values)):
        raise Unreadable
    return values
