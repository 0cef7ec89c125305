"""Exact sums of the first four powers, from which moments about the mean follow without cancelling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq

from service.solver.double_double import Floats, split, two_product
from service.solver.summation import Summation

# Values are some part of 1: the squares of those below have products that the exact sums do not take, and add nothing.
NEGLIGIBLE = 1e-40


@dataclass(frozen=True, slots=True)
class Powers:
    """Sums of x^0 to x^4."""

    n: fmpq
    sums: tuple[fmpq, fmpq, fmpq, fmpq]

    def about_mean(self) -> tuple[fmpq, fmpq, fmpq]:
        """The second to the fourth moment about the mean, divided by n."""
        m1, m2, m3, m4 = (value / self.n for value in self.sums)
        second = m2 - m1**2
        third = m3 - 3 * m1 * m2 + 2 * m1**3
        return second, third, m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4


class PowerSums:
    """Adds up values as they are, or each so many times as is said; neither pieces nor order change a bit."""

    def __init__(self, *, is_repeated: bool) -> None:
        names = ["x", "xx", "rest", "wx", "wx rest", "wxx", "wxx rest", "wrest"]
        self._is_repeated = is_repeated
        self._sums = Summation(names if is_repeated else names[:3])
        self._n = fmpq(0)

    def add(self, values: Floats, times: Floats | None) -> None:
        """Values (m,), of magnitudes up to 1e30, and how often each was seen, whole numbers up to 2**53."""
        x = np.where(np.abs(values) < NEGLIGIBLE, 0.0, values)
        square, rest = two_product(x, x, split(x))
        columns = [x, square, rest]
        if self._is_repeated and times is not None:
            halves = split(times)
            columns += [*two_product(x, times, halves), *two_product(square, times, halves), rest * times]
            self._n += fmpq(sum(map(int, times.tolist())))
        else:
            self._n += fmpq(len(values))
        self._sums.add(np.stack(columns, axis=1))

    def result(self) -> Powers:
        moments = self._sums.result()
        units, sums = (fmpq(1), *moments.exact_units), moments.sums

        def of(left: range, right: range) -> fmpq:
            pairs = ((i, j) for i in left for j in right)
            return sum((fmpq(sums[i, j]) * units[i] * units[j] for i, j in pairs), fmpq(0))

        one, x, squares = range(1), range(1, 2), range(2, 4)
        first, second = (range(4, 6), range(6, 9)) if self._is_repeated else (x, squares)
        return Powers(self._n, (of(one, first), of(one, second), of(x, second), of(squares, second)))
