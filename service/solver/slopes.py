"""How far a fit of products moves when a base column does: an error of x moves all powers of x together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpz, fmpz_mat
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.centred import Centred
from service.solver.correlation import ENTRY_BITS, Inverted, scaled
from service.solver.inverse import inverse
from service.solver.last_place import LastPlaces
from service.solver.moments import Moments
from service.solver.terms import Terms

Floats = NDArray[np.float64]

_ENOUGH = 0.05  # of a square, which is told as a logarithm
_ENOUGH_BITS = 8
_MOST_DOUBLINGS = 2  # of bits that tell the inverse; what they do not decide is 0
_ULP = 2.0**-52


@dataclass(frozen=True, slots=True)
class _Slope:
    """The derivatives of the terms that have base j: each is a multiple of another term, or of the constant."""

    terms: list[int]  # places among the terms
    lower: list[int]  # 1 + the places of the derivatives' terms; 0: the constant
    exponents: list[int]
    base: int  # the place of x itself among the terms
    place: float  # n u^2 / sum (x - mean)^2, see `LastPlaces`


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """The terms of a fit, each of which has its derivatives among them."""

    chosen: Moments
    inverted: Inverted
    slopes: list[_Slope]
    target_square: fmpz

    @classmethod
    def of(cls, chosen: Moments, inverted: Inverted, places: LastPlaces, terms: Terms) -> Slopes | None:
        """Of terms with products; None if there are none, or a derivative is not among the terms, as after some were dropped.

        Args: chosen: the moments that the equation was made of.
        """
        if not terms.has_products:
            return None
        place, slopes = terms.places, []
        for j in terms.bases:
            found = terms.derivatives(j)
            if found is None:
                return None
            base = place[((j, 1),)] - 1
            if places.sent[base]:
                slopes.append(
                    _Slope(
                        terms=[one.of for one in found],
                        lower=[one.lower for one in found],
                        exponents=[one.exponent for one in found],
                        base=base,
                        place=places.sent[base],
                    )
                )
        return cls(chosen, inverted, slopes, chosen.sums[len(place), len(place)])

    def moved(self, coef: Sequence[float], noise: float, unexplained: float) -> tuple[float, list[float]]:
        """Twelve times the mean square of what the last places of the bases move the fit by, row by row, over that of
        the target; and for each coefficient the like of its own weights, as `supported_digits` needs it.

        Args: coef: in lengths of the columns and of the target. noise: what is added to the first; unexplained: what the
        others are multiplied by, before their digits are looked at.
        """
        if not self.slopes:
            return 0.0, [0.0] * self.inverted.equation.n_features
        with precision(ENTRY_BITS):
            lengths = _Lengths.of(self.inverted.equation, self.target_square)
            factors = [1 / length for length in lengths.of_integers]
            products = np.array(scaled(fmpz_mat(_balanced(self.chosen, self.inverted.equation)), factors))
            steps = [np.array(list(map(float, lengths.steps(slope)))) for slope in self.slopes]
        inverse_correlation = np.array(self.inverted.inverse_correlation)
        weights = np.vstack([coef, inverse_correlation])
        squares, sizes = np.zeros(len(weights)), np.zeros(len(weights))
        with np.errstate(over="ignore", invalid="ignore"):
            for slope, step in zip(self.slopes, steps, strict=True):
                derived = weights[:, slope.terms] * step
                among = products[np.ix_(slope.lower, slope.lower)]
                squares += ((derived @ among) * derived).sum(axis=1)
                sizes += ((abs(derived) @ abs(among)) * abs(derived)).sum(axis=1)
            errors = sizes * (len(weights) + 8) * _ULP
            own = noise + squares[0]
            is_told = errors[0] <= _ENOUGH * own and np.all(
                unexplained * errors[1:] <= _ENOUGH * (own * inverse_correlation.diagonal() + unexplained * squares[1:])
            )
        return (float(squares[0]), squares[1:].tolist()) if is_told else self._from_balls(noise, unexplained)

    def _from_balls(self, noise: float, unexplained: float) -> tuple[float, list[float]]:
        """Of bases far from 0, or of high powers: what the terms say together is far less than what each one says."""
        bits = self.inverted.bits
        products = _balanced(self.chosen, self.inverted.equation)
        for doublings in range(1 + _MOST_DOUBLINGS):
            with precision(bits << doublings):
                weights = self._weights_in_balls()
                squares = self._squares_in_balls(weights, products)
                own = noise + squares[0]
                told = [
                    own * row[i] + unexplained * square
                    for i, (row, square) in enumerate(zip(weights[1:], squares[1:], strict=True))
                ]
                if all(value.rel_accuracy_bits() >= _ENOUGH_BITS for value in told):
                    break
        first, *others = [max(0.0, float(square)) for square in squares]
        return first, others

    def _weights_in_balls(self) -> list[list[arb]]:
        """Of the terms of length 1 in the fit, in lengths of the target; and in each coefficient."""
        equation, bits = self.inverted.equation, self.inverted.bits
        C = self.inverted.balls if ctx.prec == bits else inverse(equation.gram)
        lengths, solution = _Lengths.of(equation, self.target_square), C * equation.right
        whole = lengths.of_integers[1:]
        fit = [solution[k, 0] * length / lengths.target for k, length in enumerate(whole)]
        return [fit, *([C[i, k] * own * length for k, length in enumerate(whole)] for i, own in enumerate(whole))]

    def _squares_in_balls(self, weights: list[list[arb]], products: list[list[fmpz]]) -> list[arb]:
        lengths = _Lengths.of(self.inverted.equation, self.target_square)
        parts = [1 / length for length in lengths.of_integers]
        squares = [arb(0)] * len(weights)
        for slope in self.slopes:
            steps, size = lengths.steps(slope), len(slope.terms)
            derived = [[row[k] * step for k, step in zip(slope.terms, steps, strict=True)] for row in weights]
            among = [[products[a][b] * parts[a] * parts[b] for b in slope.lower] for a in slope.lower]
            turned = (arb_mat(derived) * arb_mat(among)).entries()
            for i, row in enumerate(derived):
                squares[i] += sum((a * b for a, b in zip(row, turned[i * size : (i + 1) * size], strict=True)), arb(0))
        return squares


@dataclass(frozen=True, slots=True, eq=False)
class _Lengths:
    """sqrt(K sum w z^2) for the constant and each term z, about their means if an intercept is fitted, K being the scale."""

    of_integers: list[arb]  # (1 + p,) in units of the equation
    as_sent: list[arb]
    target: arb  # about 0, in its unit

    @classmethod
    def of(cls, equation: Centred, target_square: fmpz) -> _Lengths:
        squares = [equation.scale * equation.total, *(equation.gram[k, k] for k in range(equation.n_features))]
        lengths = [arb(square).sqrt() for square in squares]
        units = [fmpq(1), *equation.units]
        as_sent = [length * arb(unit) for length, unit in zip(lengths, units, strict=True)]
        return cls(lengths, as_sent, arb(target_square * equation.scale).sqrt())

    def steps(self, slope: _Slope) -> list[arb]:
        """What the derivatives of terms of length 1 are multiples of, for x moved by its last place."""
        length, width = self.as_sent, arb(slope.place).sqrt()
        relative = width * length[1 + slope.base] / length[0]
        return [
            exponent * relative * length[m] / length[1 + k]
            for k, m, exponent in zip(slope.terms, slope.lower, slope.exponents, strict=True)
        ]


def _balanced(chosen: Moments, equation: Centred) -> list[list[fmpz]]:
    """K times the sums of products of the constant and the terms, in the equation's units."""
    p = equation.n_features
    factors = [fmpz(1), *((own / unit).p for own, unit in zip(chosen.exact_units, equation.units, strict=False))]
    sums = chosen.sums
    return [[equation.scale * sums[a, b] * factors[a] * factors[b] for b in range(1 + p)] for a in range(1 + p)]
