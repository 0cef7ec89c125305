"""Decimals as doubles that hold integers: the fast reading, at a number of places chosen for each column."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from service.solver.decimals import MOST, MOST_PLACES, MOST_WHOLE, shortest
from service.solver.slicing.scratch import Scratch

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def at_places(values: Floats, places: Places, integers: Floats, scratch: Scratch) -> NDArray[np.bool_]:
    """Write the integers k of values = k * 10**-places[column], below `most_at` these; where there are none, True.

    Args: values: (q, n), any doubles. places: (q,), within -22 .. 22. integers: (q, n), written to.
    Returns: (q, n), of the scratch.
    """
    up, down = 10.0 ** np.maximum(places, 0)[:, None], 10.0 ** np.maximum(-places, 0)[:, None]
    has_down = bool((places < 0).any())
    np.multiply(values, up, out=integers)
    if has_down:
        integers /= down
    np.rint(integers, out=integers)
    back = np.divide(integers, up, out=scratch.floats("back", *values.shape))
    if has_down:
        back *= down
    unread = np.not_equal(back, values, out=scratch.flags(*values.shape))
    # NaN is equal to nothing, not even by these two reductions; infinity is not below 10**15.
    if not -MOST < integers.min(initial=0.0) <= integers.max(initial=0.0) < MOST:
        unread |= ~(np.abs(integers) < np.where(places == 0, most_at(0), most_at(1))[:, None])
    return unread


def most_at(places: int) -> float:
    """What the integers of so many places must be below: those of 0 places are exact up to 2**53."""
    return MOST_WHOLE + 2.0 if places == 0 else MOST


def choose_places(values: Floats) -> Places:
    """For each column of a block the number of places at which fewest of its values cannot be read, (q,).

    Args: values: (q, n). Raises: TooLong: as `shortest`.
    """
    integers, needed = shortest(values)
    chosen = np.zeros(len(values), np.int64)
    for j, is_set in enumerate(integers != 0):
        magnitude, own = np.abs(integers[j, is_set]).astype(np.float64), needed[j, is_set]
        candidates = np.unique(np.clip(own, -MOST_PLACES, MOST_PLACES)).tolist()
        chosen[j] = min(candidates, key=partial(n_unread, magnitude, own), default=0)
    return chosen


def grown_places(values: Floats, unread: NDArray[np.bool_], places: Places) -> Places:
    """More places for columns that need them and have no value whose integer would then be too large.

    Args: values, unread: (q, n). places: (q,). Raises: TooLong: as `shortest`.
    """
    grown = places.copy()
    for j in np.flatnonzero(unread.any(axis=1)).tolist():
        needed = min(int(shortest(values[j, unread[j]])[1].max()), MOST_PLACES)
        if needed > places[j] and np.abs(values[j]).max() * 10.0**needed < most_at(needed):
            grown[j] = needed
    return grown


def n_unread(magnitude: Floats, needed: Places, places: int) -> int:
    """How many of magnitude * 10**-needed have no integer that is small enough at `places`."""
    steps = places - needed
    return int(((steps < 0) | (magnitude * 10.0 ** np.clip(steps, 0, 30) >= most_at(places))).sum())
