"""q^k for any epoch k below 2^30, right to the last few bits of a double."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_VANISHED = -float(1 << 20)  # log|q| of q = 0: exp gives 0 for every k but 0
_LOW_BITS = 30  # cleared in log_hi, so that its product with k is exact


@dataclass(frozen=True, slots=True, eq=False)
class Powers:
    """q (m,), each as its sign and log|q| = log_hi + log_lo; k * log_hi is exact for k < 2^30.

    k log|q| must be right to 1e-16 *absolutely*, be it 1e-9 or 700: one double for the logarithm would lose three
    digits at 700. So exp(a + b) is taken as exp(a) exp(b), and expm1(a + b) as expm1(a) exp(b) + expm1(b).
    """

    negative: NDArray[np.bool_]
    log_hi: Floats
    log_lo: Floats

    def size(self, epochs: NDArray[np.int64]) -> Floats:
        """|q|^k, (k, m)."""
        k = epochs[:, None].astype(np.float64)
        return np.exp(k * self.log_hi) * np.exp(k * self.log_lo)

    def power(self, epochs: NDArray[np.int64]) -> Floats:
        """q^k, (k, m)."""
        return np.where(self._odd(epochs), -1.0, 1.0) * self.size(epochs)

    def one_minus_power(self, epochs: NDArray[np.int64]) -> Floats:
        """1 - q^k, (k, m), without cancellation."""
        k = epochs[:, None].astype(np.float64)
        high, rest = k * self.log_hi, k * self.log_lo
        grown = np.exp(rest)
        fallen = -(np.expm1(high) * grown + np.expm1(rest))
        if not self.negative.any():
            return fallen
        return np.where(self._odd(epochs), 1.0 + np.exp(high) * grown, fallen)

    def one_minus_square(self) -> Floats:
        """1 - q^2, (m,), without cancellation."""
        return -(np.expm1(2.0 * self.log_hi) * np.exp(2.0 * self.log_lo) + np.expm1(2.0 * self.log_lo))

    def weighted(self, epochs: NDArray[np.int64], weight: Floats, *, shift: bool) -> Floats:
        """The products weight * |q|^k, (k, m); with `shift`, in units of the largest of each row, so that it cannot underflow."""
        if not shift or not weight.size:
            return weight * self.size(epochs)
        k = epochs[:, None].astype(np.float64)
        high, rest = k * self.log_hi, k * self.log_lo
        top = np.argmax(np.log(weight) + high, axis=1)[:, None]
        high, rest = (part - np.take_along_axis(part, top, axis=1) for part in (high, rest))
        shifted: Floats = weight / weight[top] * np.exp(high) * np.exp(rest)
        return shifted

    def _odd(self, epochs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where q^k is negative, (k, m)."""
        odd: NDArray[np.bool_] = self.negative & (epochs % 2 == 1)[:, None]
        return odd


def powers(eigenvalues: Sequence[tuple[arb, int]], learning_rate: float) -> Powers | None:
    """Each q = 1 - learning_rate * eigenvalue, for eigenvalues each known to so many bits; inside `precision`.

    None if that is too few to tell a q from 0, or from -1, and have all its digits.
    """
    negative, log_hi, log_lo = [], [], []
    for eigenvalue, bits in eigenvalues:
        step = eigenvalue * learning_rate
        q, noise = 1 - step, arb(2) ** (16 - bits)
        vanished = abs(q) < noise  # a rate of exactly 1 / lambda ends a mode in one step,
        swings = abs(q + 1) < noise  # and one of exactly 2 / lambda brings it back to where it was in two
        if any(noise <= abs(near) < noise * arb(2) ** 60 for near in (q, q + 1)):
            return None
        # Relative accuracy where |q| is near 1: that is what k multiplies.
        log = arb(_VANISHED) if vanished else arb(0) if swings else (-step).log1p() if q > 0 else (step - 2).log1p()
        high = _short(float(log))
        negative.append(bool(q < 0) and not vanished)
        log_hi.append(high)
        log_lo.append(float(log - high))
    return Powers(np.array(negative, dtype=np.bool_), np.array(log_hi), np.array(log_lo))


def _short(x: float) -> float:
    """The number cut off after its first 23 bits."""
    kept = np.array([x]).view(np.uint64) >> np.uint64(_LOW_BITS) << np.uint64(_LOW_BITS)
    return float(kept.view(np.float64)[0])
