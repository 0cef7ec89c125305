"""Batch gradient descent from the moments: every epoch at once, epoch 10^9 as near as epoch 1."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from flint import arb, arb_mat
from numpy.typing import NDArray

from service.solver.balls import precision
from service.solver.errors import Unresolved
from service.solver.moments import Moments
from service.solver.normal import NormalEquation, independent, normal_equation
from service.solver.powers import Powers, powers
from service.solver.spectrum import FIRST_BITS, LAST_BITS, Mode, Spectrum, spectrum

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The path theta_(k+1) = theta_k - learning_rate (A theta_k - b) from theta_0 = 0, with A = X'X/n and b = X'y/n.

    In the eigenbasis of A it is theta_k = sum_g amplitude_g (1 - q_g^k), q_g = 1 - learning_rate lambda_g, and the
    loss, the mean of r^2, is optimal_loss + sum_g (root_weight_g q_g^k)^2. The figures are rounded once from balls, so
    each component is good to 1e-13 of its largest term, and the loss of its own size. Where A is singular this goes
    to the solution of least norm, as descent from zero does.
    """

    learning_rate: float
    largest_stable: float  # the largest double that is at most 2 / lambda_max
    optimum: Floats  # (1 + p,) where the path ends if it does not diverge, intercept first; good as a component is
    optimal_loss: float  # the least mean of r^2; exactly 0 if the columns give the target exactly
    amplitude: Floats  # (1 + p, m) for m modes
    root_weight: Floats  # (m,) sqrt(lambda_g) |amplitude_g|
    q: Powers  # (m,)

    @property
    def diverges(self) -> bool:
        """Whether a mode may grow. At 2 / lambda_max itself theta swings for ever, but the loss never rises."""
        return self.learning_rate > self.largest_stable

    def at(self, epochs: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Loss (k,) and theta (k, 1 + p), intercept first (0 when not fitted), after these many epochs, < 2^30 each.

        Not finite where a figure, or a term of it, overflows a double.
        """
        with np.errstate(all="ignore"):
            risen = self.q.one_minus_power(epochs)
            theta = _dot(risen, self.amplitude)
            loss = self.optimal_loss + np.square(self.root_weight * self.q.size(epochs)).sum(axis=1)
        return loss, theta

    def distance(self, epochs: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """What is left to go: loss - optimal_loss (k,) and max |theta - optimum| (k,), without cancellation."""
        with np.errstate(all="ignore"):
            left = _dot(self.q.power(epochs), self.amplitude)
            excess = np.square(self.root_weight * self.q.size(epochs)).sum(axis=1)
        return excess, np.abs(left).max(axis=1)

    def stop(self, tol: float, epochs: int) -> int:
        """The first epoch from 1 whose loss fell by less than `tol` times the one before, or `epochs`.

        A sum of positive exponentials is log-convex, so the relative fall only shrinks: a bisection finds the place.
        """
        low, high = 1, epochs
        while low < high:
            middle = (low + high) // 2
            if self._fell_short(tol, middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _fell_short(self, tol: float, epoch: int) -> bool:
        with np.errstate(all="ignore"):
            before = np.array([epoch - 1], dtype=np.int64)
            # Losses may be near the least double, and without a floor they vanish while their relative fall is what it was.
            shift = self.optimal_loss == 0.0
            floor = math.sqrt(self.optimal_loss)
            unit = math.ldexp(1.0, math.frexp(max(floor, self.root_weight.max(initial=0.0)))[1])
            parts = np.square(self.q.weighted(before, self.root_weight / unit, shift=shift))
            fall = float((parts * self.q.one_minus_square()).sum())
            loss = (floor / unit) ** 2 + float(parts.sum())
            return loss != 0.0 and not fall / loss >= tol  # a loss of 0 has no share to fall by


def trajectory(
    moments: Moments,
    target: str,
    features: Sequence[str],
    fit_intercept: bool,
    learning_rate: float | Literal["auto"],
) -> Trajectory:
    """Batch descent on the mean of r^2 from zero; "auto" is 1 / lambda_max, the rate is otherwise the double itself.

    p = 10 takes some 3 ms, 40 some 90 ms, 100 some 1 s, holding FLINT's lock.

    Raises: NoFeatures, TooFewRows: there is no column, or no row, at all (fewer rows than columns are allowed).
        Unresolved: more precision would be needed than is allowed.
    """
    equation = normal_equation(moments, target, features, fit_intercept)
    found, rate, q = _resolved(equation, None if learning_rate == "auto" else learning_rate)
    with precision(found.bits):
        first = 0 if fit_intercept else 1
        amplitude, optimum = np.zeros((1 + len(features), len(found.modes))), np.zeros(1 + len(features))
        for i in range(equation.size):
            terms = [mode.amplitude[i] for mode in found.modes]
            amplitude[first + i] = [float(term) for term in terms]
            optimum[first + i] = float(sum(terms, arb(0)))
        return Trajectory(
            learning_rate=rate,
            largest_stable=_largest_stable(found),
            optimum=optimum,
            optimal_loss=_optimal_loss(equation),
            amplitude=amplitude,
            root_weight=np.array([_root_weight(mode) for mode in found.modes]),
            q=q,
        )


def _resolved(equation: NormalEquation, learning_rate: float | None) -> tuple[Spectrum, float, Powers]:
    """The modes, the rate, and each mode's q, at enough bits for every digit of q too."""
    bits = FIRST_BITS
    while True:
        found = spectrum(equation, learning_rate, bits)
        with precision(found.bits):
            rate = _quotient(1, found.largest) if learning_rate is None else learning_rate
            q = powers([(mode.eigenvalue, mode.bits) for mode in found.modes], rate)
        if q is not None:
            return found, rate, q
        bits = 2 * found.bits  # until `spectrum` refuses


def _dot(factors: Floats, amplitude: Floats) -> Floats:
    """The sums factors (k, m) @ amplitude' (m, 1 + p); an overflown factor spoils only what it has a part in."""
    finite = np.isfinite(factors)
    if finite.all():
        return _summed(factors, amplitude)
    theta = _summed(np.where(finite, factors, 0.0), amplitude)
    spoilt = (~finite).astype(np.float64) @ (amplitude != 0.0).astype(np.float64).T > 0.0
    return np.where(spoilt, np.nan, theta)


def _summed(factors: Floats, amplitude: Floats) -> Floats:
    """The sums, mode after mode: a BLAS rounds a product of one row otherwise than the same row among others, and an
    epoch's bits must not depend on which epochs were asked for with it.
    """
    theta = np.zeros((len(factors), len(amplitude)))
    for g in range(amplitude.shape[1]):
        theta += factors[:, g, None] * amplitude[:, g]
    return theta


def _root_weight(mode: Mode) -> float:
    return float((mode.eigenvalue * sum((a * a for a in mode.amplitude), arb(0))).sqrt())


def _quotient(numerator: int, eigenvalue: arb) -> float:
    """The quotient as the nearest finite double: no column moves if A is 0, so any rate will do."""
    return min(float(numerator / eigenvalue), sys.float_info.max) if eigenvalue > 0 else sys.float_info.max


def _largest_stable(found: Spectrum) -> float:
    rate = _quotient(2, found.largest)
    # The eigenvalue is known to far more bits than a double has: what is within its error of 2 is 2, and stable.
    return float(np.nextafter(rate, 0.0)) if rate * found.largest - 2 > arb(2) ** (-(found.bits // 2)) else rate


def _optimal_loss(equation: NormalEquation) -> float:
    """The least mean of r^2: exactly 0 if the rank says so, else from balls of ever more bits until it is a double."""
    columns = independent(equation.without_target())
    if equation.sums.rank() == len(columns):
        return 0.0
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with precision(bits):
            loss = arb(equation.mean_square)
            if columns:
                A = arb_mat([[arb(equation.A[i][j]) for j in columns] for i in columns])
                b = arb_mat([[arb(equation.b[i])] for i in columns])
                try:
                    loss -= (b.transpose() * A.solve(b))[0, 0]
                except ZeroDivisionError:
                    loss = arb(0, 1)
            if loss.rel_accuracy_bits() > 60:
                return float(loss)
        bits *= 2
    raise Unresolved(LAST_BITS)
