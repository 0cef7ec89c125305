"""Decimals as doubles that hold integers: the fast reading, at a number of places chosen for each column."""

import numpy as np
from numpy.typing import NDArray

from service.solver.decimals import MOST, MOST_PLACES, shortest

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def at_places(values: Floats, places: Places) -> tuple[Floats, NDArray[np.bool_]]:
    """The integers k of values = k * 10**-places[column], |k| < 10**15, and where there are none, True.

    Args: values: (q, n), any doubles. places: (q,), within -22 .. 22.
    """
    up, down = 10.0 ** np.maximum(places, 0)[:, None], 10.0 ** np.maximum(-places, 0)[:, None]
    has_down = bool((places < 0).any())
    integers = values * up
    if has_down:
        integers /= down
    np.rint(integers, out=integers)
    back = integers / up
    if has_down:
        back *= down
    # NaN is equal to nothing, infinity is not below 10**15
    unread = back != values
    unread |= np.abs(integers) >= MOST
    return integers, unread


def choose_places(values: Floats) -> Places:
    """For each column of a block the number of places at which fewest of its values cannot be read, (q,).

    Args: values: (q, n). Raises: TooLong: as `shortest`.
    """
    integers, needed = shortest(values)
    chosen = np.zeros(len(values), np.int64)
    for j, (k, d) in enumerate(zip(integers, needed, strict=True)):
        d, magnitude = d[k != 0], np.abs(k[k != 0]).astype(np.float64)
        candidates = np.unique(np.clip(d, -MOST_PLACES, MOST_PLACES)).tolist()
        chosen[j] = min(candidates, key=lambda places: n_unread(magnitude, d, places), default=0)
    return chosen


def grown_places(values: Floats, unread: NDArray[np.bool_], places: Places) -> Places:
    """More places for columns that need them and have no value that would then not be below 10**15.

    Args: values, unread: (q, n). places: (q,). Raises: TooLong: as `shortest`.
    """
    grown = places.copy()
    for j in np.flatnonzero(unread.any(axis=1)).tolist():
        needed = min(int(shortest(values[j, unread[j]])[1].max()), MOST_PLACES)
        if needed > places[j] and np.abs(values[j]).max() * 10.0**needed < MOST:
            grown[j] = needed
    return grown


def n_unread(magnitude: Floats, needed: Places, places: int) -> int:
    """How many of magnitude * 10**-needed have no integer below 10**15 at `places`."""
    steps = places - needed
    return int(((steps < 0) | (magnitude * 10.0 ** np.clip(steps, 0, 30) >= MOST)).sum())
