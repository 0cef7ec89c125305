"""Batch descent by its recurrence alone, in exact rationals and 2,560-bit balls: what the closed form is held against."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from flint import acb_mat, arb, arb_mat, fmpq
from numpy.typing import NDArray

from service.solver.balls import precision

BITS = 2560
Floats = NDArray[np.float64]


class ExactDescent:
    """theta_(k+1) = theta_k - learning_rate (A theta_k - b) from zero, for rows as the numbers they read as."""

    def __init__(self, X: Floats, y: Floats, fit_intercept: bool, learning_rate: float, decimal: bool = False) -> None:
        def read(value: float) -> Fraction:
            return Fraction(repr(value) if decimal else value)

        ones = [Fraction(1)] if fit_intercept else []
        rows = [ones + [read(v) for v in row] + [read(t)] for row, t in zip(X.tolist(), y.tolist(), strict=True)]
        n, size = len(rows), len(rows[0])
        self.gram = [[sum((r[i] * r[j] for r in rows), Fraction(0)) / n for j in range(size)] for i in range(size)]
        self.rate = learning_rate
        self.fit_intercept = fit_intercept

    def at(self, epoch: int) -> tuple[arb, list[arb]]:
        """Loss and theta after so many steps, by repeated squaring of the step: [[I - rate A, rate b], [0, 1]]."""
        size = len(self.gram)
        with precision(BITS):
            rate = arb(self.rate)
            step = [[_ball(int(i == j)) - rate * _ball(self.gram[i][j]) for j in range(size - 1)] for i in range(size - 1)]
            step = [[*row, rate * _ball(self.gram[i][-1])] for i, row in enumerate(step)]
            square = arb_mat([*step, [arb(0)] * (size - 1) + [arb(1)]])
            state = arb_mat([[arb(0)]] * (size - 1) + [[arb(1)]])
            while epoch:
                if epoch & 1:
                    state = square * state
                square, epoch = square * square, epoch >> 1
            theta = [state[i, 0] for i in range(size - 1)]
            weights = [*theta, arb(-1)]
            loss = sum((weights[i] * weights[j] * _ball(self.gram[i][j]) for i in range(size) for j in range(size)), arb(0))
            return loss, theta if self.fit_intercept else [arb(0), *theta]

    def largest_terms(self, epochs: Sequence[int]) -> list[list[arb]]:
        """The size of the largest of the modes' parts in each component of theta, per epoch: what 1e-13 is of."""
        m = len(self.gram) - 1
        with precision(BITS):
            A = arb_mat([[_ball(self.gram[i][j]) for j in range(m)] for i in range(m)])
            values, vectors = acb_mat(A).eig(right=True, algorithm="approx")
            V = arb_mat([[vectors[i, j].real.mid() for j in range(m)] for i in range(m)])
            diagonal = arb_mat([[values[j].real.mid() if i == j else arb(0) for j in range(m)] for i in range(m)])
            wrong = (V * diagonal * V.inv() - A).entries()
            assert all(abs(entry) < abs(A.trace()) * arb(2) ** (-BITS // 2) for entry in wrong if A.trace() != 0)
            projections = V.inv() * arb_mat([[_ball(self.gram[i][-1])] for i in range(m)])
            floor = _largest([abs(value.real.mid()) for value in values]) * arb(2) ** (-BITS // 2)
            modes: dict[int, tuple[arb, list[arb]]] = {}
            for j in range(m):
                value = values[j].real.mid()
                if value < floor:
                    continue
                parts = [V[i, j] * projections[j, 0] / value for i in range(m)]
                same = next((g for g, (other, _) in modes.items() if abs(other - value) < floor), None)
                if same is None:
                    modes[j] = (value, parts)
                else:
                    modes[same] = (value, [a + b for a, b in zip(modes[same][1], parts, strict=True)])
            sizes = []
            for k in epochs:
                moved = [(1 - (1 - arb(self.rate) * value) ** k, parts) for value, parts in modes.values()]
                row = [_largest([abs(risen * parts[i]) for risen, parts in moved]) for i in range(m)]
                sizes.append(row if self.fit_intercept else [arb(0), *row])
            return sizes


def _largest(sizes: list[arb]) -> arb:
    largest = arb(0)
    for size in sizes:
        largest = max(largest, size.mid())
    return largest


def _ball(value: Fraction | int) -> arb:
    exact = Fraction(value)
    return arb(fmpq(exact.numerator, exact.denominator))
