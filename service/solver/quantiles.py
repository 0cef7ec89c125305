"""Quantiles of values that are all held, exact and rounded once: type 7 of Hyndman and Fan, as R and numpy have by default.

Source: Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50 (1996).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from service.solver.double_double import Floats


class Held:
    """Values in pieces, up to so many: beyond that none is held, and there are no quantiles."""

    def __init__(self, most: int) -> None:
        self._most, self._n = most, 0
        self._values: list[Floats] = []
        self._times: list[Floats] = []

    def add(self, values: Floats, times: Floats | None) -> None:
        """Args: times: how often each was seen, whole numbers."""
        self._n += len(values)
        if self._n > self._most:
            self._values, self._times = [], []
            return
        self._values.append(values)
        if times is not None:
            self._times.append(times)

    def quantiles(self, shares: Sequence[Fraction]) -> list[float] | None:
        """None: there were too many, or none."""
        if not self._values:
            return None
        values = np.concatenate(self._values)
        if not self._times:
            values.sort()
            return [_between(share * (len(values) - 1), lambda i: float(values[i])) for share in shares]
        order = np.argsort(values, kind="stable")
        values = values[order]
        ends = np.cumsum(np.concatenate(self._times)[order].astype(np.int64))
        n = int(ends[-1])
        return [_between(share * (n - 1), lambda i: float(values[np.searchsorted(ends, i, "right")])) for share in shares]


def _between(place: Fraction, at: Callable[[int], float]) -> float:
    i = int(place)
    low = at(i)
    if place == i:
        return low
    return float(Fraction(low) + (place - i) * (Fraction(at(i + 1)) - Fraction(low)))
