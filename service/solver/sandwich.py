"""Standard errors that do not trust the noise to be even, or rows to be independent: White's sandwich and its kin.

V = (X'WX)^-1 (sum of scores times scores) (X'WX)^-1, a score being x w e, or the sum of those of a cluster. Sources: White,
Econometrica 48 (1980) for HC0; MacKinnon and White, Journal of Econometrics 29 (1985) for HC1 to HC3; Liang and Zeger,
Biometrika 73 (1986) for clusters. Weights and factors are those of statsmodels, and of R's sandwich.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from service.solver.double_double import Floats
from service.solver.errors import TooFewClusters
from service.solver.group_sums import GroupSums
from service.solver.influence import NOTHING_FREE, Influence, freedoms
from service.solver.leverage import Spread, whitened
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.rounding import TOO_LARGE, double
from service.solver.summation import Summation

Robust = Literal["HC0", "HC1", "HC2", "HC3", "cluster"]
Places = NDArray[np.int64]

NO_FREEDOM = "row {} has a leverage of 1: its residual, 0 whatever its noise was, says nothing of that"
FEWEST_CLUSTERS = 2
_LAST_PLACES = 16 * 2.0**-52  # a matrix that is singular but for rounding has an eigenvalue of so many
# Scores are of residuals in units of sigma: the square of one below this is nothing, and the exact sums take no less.
_NEGLIGIBLE = 1e-140


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """Of the coefficients, (c, c), the intercept first; or why there is none."""

    values: Floats | None
    meat: Floats | None  # (c, c) the same in whitened coordinates, and in units of sigma^2: what intervals are made of
    std_error: tuple[float, ...]  # (c,), of the coefficients
    n_clusters: int | None = None
    reason: str | None = None


class Sandwich:
    """Adds up the rows of a fit, in pieces of any size; the order of rows and pieces does not change a bit of the result."""

    def __init__(
        self, influence: Influence, kind: Robust, numbers: Numbers, *, sigma: float, n: int, rank: int, n_rows: int,
        is_repeated: bool = False,
    ) -> None:  # fmt: skip
        """Args: n: the observations that the fit counts, more than its rank. n_rows: at most so many rows will come.
        is_repeated: weights say how often a row was seen, and not what it counts.
        """
        self.influence, self._kind, self._numbers = influence, kind, numbers
        self._sigma, self._n, self._rank, self._is_repeated = sigma, n, rank, is_repeated
        c = influence.back.shape[1]
        self._names = [str(i) for i in range(c)]
        self._sums = Summation(self._names)
        self._groups = GroupSums(c, math.sqrt(n - rank), n_rows) if kind == "cluster" else None
        self._fixed: int | None = None  # the first whose leverage is 1

    def add(self, X: Floats, residuals: Floats, weights: Floats | None, places: Places, groups: Places | None = None) -> None:
        """Rows of base columns (m, b), where they stand, and the numbers of their clusters, counted from 0 as they appear.

        Raises: TooManyClusters.
        """
        z = whitened(self.influence.spread, X, self._numbers)
        scores = self._scores(z, residuals / self._sigma if self._sigma else np.zeros(len(X)), weights, places)
        if self._groups is None:
            self._sums.add(_without_dust(scores))
        elif groups is not None:
            self._groups.add(scores, groups)

    def _scores(self, z: tuple[Floats, Floats], e: Floats, weights: Floats | None, places: Places) -> Floats:
        """(m, c), in whitened coordinates and units of sigma.

        Half of a weight goes with the coordinates, half with the residual, so that both are of the size they have without.
        """
        is_each = self._is_repeated and self._kind != "cluster"
        halves = None if weights is None else np.sqrt(weights)
        own = e if halves is None or is_each else e * halves
        if self._kind in ("HC2", "HC3"):
            free = freedoms(z, None if self._is_repeated else weights)
            fixed = free <= NOTHING_FREE
            if fixed.any():
                first = int(places[fixed].min())
                self._fixed = first if self._fixed is None else min(self._fixed, first)
                free = np.where(fixed, 1.0, free)
            own = own / (np.sqrt(free) if self._kind == "HC2" else free)
        scores = z[0] * own[:, None]
        return scores if halves is None else scores * halves[:, None]

    def result(self) -> Covariance:
        """Raises: TooFewClusters."""
        n, k = self._n, self._rank
        n_clusters, factor = None, fmpq(n, n - k) if self._kind == "HC1" else fmpq(1)
        if self._groups is not None:
            n_clusters = self._groups.n_groups
            if n_clusters < FEWEST_CLUSTERS:
                raise TooFewClusters(n_clusters)
            factor = fmpq(n_clusters, n_clusters - 1) * fmpq(n - 1, n - k)
            for sums in self._groups.sums():
                self._sums.add(_without_dust(sums))
        if self._fixed is not None:
            return Covariance(None, None, (), n_clusters, NO_FREEDOM.format(self._fixed))
        meat = _products(self._sums.result(), factor)
        back = self.influence.back[0]
        with np.errstate(over="ignore", invalid="ignore"):
            middle = back @ meat @ back.T
            middle = (middle + middle.T) / 2
            roots = np.sqrt(np.maximum(middle.diagonal(), 0.0)) * self._sigma
            values = middle * self._sigma * self._sigma
        if not (np.isfinite(values).all() and np.isfinite(roots).all()):
            return Covariance(None, None, (), n_clusters, TOO_LARGE)
        return Covariance(values, meat, tuple(roots.tolist()), n_clusters)


def _without_dust(scores: Floats) -> Floats:
    return np.where(np.abs(scores) < _NEGLIGIBLE, 0.0, scores)


def _products(sums: Moments, factor: fmpq) -> Floats:
    """The exact sums of products times the factor, rounded once, (c, c)."""
    units, c = sums.exact_units, len(sums.columns)
    products = np.empty((c, c))
    for i in range(c):
        scale = units[i] * factor
        for j in range(i, c):
            exact = sums.sums[1 + i, 1 + j] * (scale * units[j])
            products[i, j] = products[j, i] = double(exact)
    return products


def wald(influence: Influence, covariance: Covariance, sigma: float) -> float | None:
    """The F statistic that all p coefficients but the intercept are 0: b' V^-1 b / p.

    In whitened coordinates, where only the meat's own condition counts, and from the effects there: those that follow from
    rounded coefficients of powers far from 0 have lost 9 digits. None: V is singular, as of fewer clusters than p.
    """
    p = len(influence.effects)
    assert covariance.meat is not None  # noqa: S101 (the caller has looked)
    meat = covariance.meat[-p:, -p:]
    if is_singular(meat):
        return None
    effects = influence.effects / sigma
    return float(effects @ np.linalg.solve(meat, effects)) / p


def is_singular(meat: Floats) -> bool:
    """Whether a covariance, (p, p), leaves a direction without variance, but for the rounding of its entries."""
    sizes = np.sqrt(meat.diagonal())
    return not sizes.all() or bool(np.linalg.eigvalsh(meat / np.outer(sizes, sizes))[0] <= len(meat) * _LAST_PLACES)


def variances(spread: Spread, meat: Floats, X: Floats, numbers: Numbers) -> Floats:
    """Each row's x' V x in units of sigma^2, of base columns (m, b) -> (m,): what its leverage is to a classical fit.

    So `intervals` takes it in place of leverages, with its degrees of freedom. V itself, rounded, would not do: of powers far
    from 0 its entries cancel. Args: meat: of the `Covariance`.
    """
    z, _ = whitened(spread, X, numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        results: Floats = np.maximum(((z @ meat) * z).sum(axis=1), 0.0)
    results[~np.isfinite(results)] = math.inf
    return results
