"""The correlation matrix of the columns and its inverse, in doubles that are right to the last digits, from balls.

Of columns scaled to unit length (about their means, where an intercept is fitted), so nothing here has a unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

from flint import arb, arb_mat, fmpz, fmpz_mat

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.figures import FIRST_BITS
from service.solver.inverse import inverse
from service.solver.rounding import quotient

Matrix = list[list[float]]

# So much of the inverse that doubles are the nearest ones but once in 2**47; figures have their own proof.
_ENOUGH_BITS = 100
ENTRY_BITS = 128
# Up to here the diagonal costs little less than the whole, which is wanted later.
_FEW = 24
# The square of a correlation that is none.
_NOTHING = 1e-50


@dataclass(frozen=True, eq=False)  # no slots: what is worked out is kept
class Inverted:
    """An equation of full rank, its columns balanced, with the inverse of its Gram matrix in balls."""

    equation: Centred
    bits: int
    balls: arb_mat  # (p, p)

    @classmethod
    def of(cls, equation: Centred) -> Inverted | None:
        """At the least precision that tells it to a double's digits; None if the columns are exactly dependent."""
        equation, bits = equation.balanced(), FIRST_BITS
        p = equation.n_features
        if p == 1 and equation.gram[0, 0] == 0:
            return None
        is_independent = False
        while True:
            with precision(bits):
                try:
                    balls = inverse(equation.gram)
                    if all(balls[i, i].rel_accuracy_bits() >= _ENOUGH_BITS for i in range(p)):
                        return cls(equation, bits, balls)
                except ZeroDivisionError:
                    if not is_independent and equation.gram.rank() < p:
                        return None
                    is_independent = True
            bits *= 2

    @classmethod
    def of_independent(cls, equation: Centred) -> Inverted:
        """As `of`, of columns that are known not to be exactly dependent."""
        found = cls.of(equation)
        if found is None:
            raise ArithmeticError("the columns are dependent")
        return found

    @cached_property
    def inflation(self) -> list[float]:
        """The variance inflation factors: the diagonal of the inverse correlation matrix."""
        p = self.equation.n_features
        if p == 1:
            return [1.0]
        if p <= _FEW:
            return [row[i] for i, row in enumerate(self.inverse_correlation)]
        with precision(ENTRY_BITS):
            return [float(self.balls[i, i] * square) for i, square in enumerate(_squares(self.equation))]

    @cached_property
    def correlation(self) -> Matrix:
        """(p, p)"""
        with precision(ENTRY_BITS):
            factors = [1 / arb(square).sqrt() for square in _squares(self.equation)]
            return scaled(self.equation.gram, factors)

    @cached_property
    def inverse_correlation(self) -> Matrix:
        """(p, p)"""
        p = self.equation.n_features
        if p == 1:
            return [[1.0]]
        if p == 2:
            return _inverse_of_two(self.equation)
        with precision(ENTRY_BITS):
            return scaled(self.balls, [arb(square).sqrt() for square in _squares(self.equation)])


def _inverse_of_two(equation: Centred) -> Matrix:
    """1 / (1 - r^2) and -r / (1 - r^2), r^2 being a quotient of integers."""
    (a, b), (_, c) = equation.gram.tolist()
    product, common = int(a * c), int(b * b)
    own = quotient(product, product - common)
    other = own * (-sqrt(common / product) if b > 0 else sqrt(common / product))
    return [[own, other], [other, own]]


def _squares(equation: Centred) -> list[fmpz]:
    return [equation.gram[i, i] for i in range(equation.n_features)]


def scaled(entries: arb_mat | fmpz_mat, factors: list[arb]) -> Matrix:
    """A symmetric matrix of balls with its rows and columns scaled, in the nearest doubles.

    Nothing of the units that the sums are in is left, nor of the precision: what is 0 but for that is 0.
    """
    lower = [
        [float(factor * entries[i, j] * other) for j, other in enumerate(factors[: i + 1])] for i, factor in enumerate(factors)
    ]
    nothing = [_NOTHING * row[-1] for row in lower]
    for row in lower:
        least = row[-1]
        row[:-1] = [0.0 if value * value < least * other else value for value, other in zip(row[:-1], nothing, strict=False)]
    return [row + [below[i] for below in lower[i + 1 :]] for i, row in enumerate(lower)]
