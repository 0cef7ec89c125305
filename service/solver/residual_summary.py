"""What the residuals of a fit say of it: one pass over the rows, in exact sums, so that pieces do not change a bit.

Sources: Durbin and Watson, Biometrika 37 (1950); Koenker, A note on studentizing a test for heteroscedasticity, Journal of
Econometrics 17 (1981); Jarque and Bera, Economics Letters 6 (1980); Allen, Technometrics 16 (1974), for PRESS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

import numpy as np
from flint import fmpq
from numpy.typing import NDArray

from service.solver.diagnostics import NO_FREEDOM, Fit, RowDiagnostics
from service.solver.double_double import Floats
from service.solver.group_sums import GroupSums
from service.solver.hypotheses import upper_tail
from service.solver.power_sums import NEGLIGIBLE, Powers, PowerSums
from service.solver.quantiles import Held
from service.solver.rounding import TOO_LARGE, double
from service.solver.student import scipy_special
from service.solver.summation import Summation

Places = NDArray[np.int64]
Figure = TypeVar("Figure")

MOST_HELD = 1 << 22  # residuals, for their quantiles: 32 MB, and as much while they are sorted
QUARTILES = {"min": Fraction(0), "q1": Fraction(1, 4), "median": Fraction(1, 2), "q3": Fraction(3, 4), "max": Fraction(1)}
# Residuals are right to an ulp: of some that vary by 2**-46 of their size nobody knows how. This is its square.
_NO_VARIATION = fmpq(1, 1 << 92)

EXACT = "the fit is exact: all residuals are 0"
SAME = "the residuals do not vary"
LOST = "what the fit leaves of a row is less than the rounding of its coefficients"
_MOST = 1e30  # in units of the root mean square: with n rows of equal weight none is larger than the root of n
SAME_SQUARES = "the squares of the residuals do not vary"
NO_ORDER = "rows that stand for several have no order among those"
NO_INTERCEPT = "without an intercept the squares of the residuals cannot be regressed on the terms about their mean"
NO_FEATURES = "no features: there is nothing for the squares of the residuals to depend on"
WEIGHTED = "with weights that say what a row counts it is not settled of which residuals it is made"
MANY = f"takes all residuals at once, and they are more than {MOST_HELD}"
OF_RESIDUALS = ("residual", "mae", "durbin_watson", "breusch_pagan", "jarque_bera", "press", "rmse_loo", "r2_pred")
_LEFT_OUT = ("press", "rmse_loo", "r2_pred")


@dataclass(frozen=True, slots=True)
class BreuschPagan:
    """Koenker's studentised form: n R² of the squared residuals on the terms, and the F test of that regression."""

    lm: float
    lm_p_value: float
    f: float | None
    f_p_value: float | None


@dataclass(frozen=True, slots=True)
class JarqueBera:
    """n / 6 (skew² + (kurtosis - 3)² / 4), of moments divided by n."""

    statistic: float
    p_value: float
    skew: float
    kurtosis: float


@dataclass(frozen=True, slots=True)
class ResidualSummary:
    """A figure that does not exist is None, and `reasons` says why by its name."""

    residual: dict[str, float | None] | None = None  # min, q1, median, q3, max
    mae: float | None = None
    durbin_watson: float | None = None
    breusch_pagan: BreuschPagan | None = None
    jarque_bera: JarqueBera | None = None
    press: float | None = None  # the sum of the squares of what each row is off when the others are fitted
    rmse_loo: float | None = None  # root of press / n
    max_leverage: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)


class Gathering:
    """Adds up the rows of a fit, in their order, in pieces of any size."""

    def __init__(self, fit: Fit, rms: float, weight: float, n_rows: int, reasons: Mapping[str, str]) -> None:
        """Args: rms: of the residuals. weight: of all rows; their number without weights. n_rows: at most so many will come.
        reasons: why some figures are not wanted, by their names.
        """
        self._fit, self._weight, self.reasons = fit, weight, dict(reasons)
        # Residuals in units of about their rms, and weights of about their sum: then nothing over- or underflows.
        self._scale = math.frexp(rms)[1] if rms else 0
        self._weight_scale = 0
        self._square = math.ldexp(rms, -self._scale) ** 2
        self._sums = Summation(["size", "step", "left out"])
        self._powers = PowerSums(is_repeated=fit.is_repeated)
        self._held = Held(MOST_HELD)
        self._shares = GroupSums(fit.rank, 4.0 * max(weight, 1.0), n_rows)
        self._largest: float | None = None
        self._last: float | None = None
        self._ends: tuple[float, float] | None = None
        self._is_weighted = False

    def add(self, rows: RowDiagnostics, weights: Floats | None, places: Places) -> None:
        """Rows, their weights, and where they stand."""
        if not len(places):
            return
        e, times = rows.residual, weights if self._fit.is_repeated else None
        if weights is not None and times is None and not self._is_weighted:
            self._is_weighted, self._weight_scale = True, 2 * (math.frexp(self._weight)[1] // 2)
        if "residual" not in self.reasons:
            self._held.add(e, times)
        low, high = float(e.min()), float(e.max())
        self._ends = (low, high) if self._ends is None else (min(self._ends[0], low), max(self._ends[1], high))
        if "max_leverage" not in self.reasons:
            self._largest = max(self._largest or 0.0, float(rows.leverage.max()))
        if not np.isfinite(e).all():
            self.reasons |= dict.fromkeys(OF_RESIDUALS, TOO_LARGE)
            return
        u = np.ldexp(e, -self._scale)
        if np.abs(u).max() > _MOST:
            self.reasons |= dict.fromkeys(OF_RESIDUALS, LOST)
            return
        w = None if weights is None else np.ldexp(weights, -self._weight_scale)
        halves = None if w is None else np.sqrt(w)
        own = u if halves is None or times is not None else u * halves
        self._powers.add(own, times)
        left_out = self._left_out(rows, u if halves is None else u * halves, places)
        steps = np.diff(own, prepend=own[0] if self._last is None else self._last)
        self._last = float(own[-1])
        sizes = np.abs(u) if w is None else np.abs(u) * w
        together = np.stack([sizes, steps, left_out], axis=1)
        self._sums.add(np.where(np.abs(together) < NEGLIGIBLE, 0.0, together))
        if "breusch_pagan" not in self.reasons and rows.coordinates is not None and not self._is_weighted:
            squares = u * u - self._square
            shares = rows.coordinates * (squares if times is None else squares * times)[:, None]
            self._shares.add(shares, np.zeros(len(e), np.int64))

    def _left_out(self, rows: RowDiagnostics, u: Floats, places: Places) -> Floats:
        """What rows are off when the others are fitted; 0 where it does not exist, which is then the reason."""
        if "press" in self.reasons:
            return np.zeros(len(u))
        fixed = rows.free == 0
        if fixed.any():
            self.reasons |= dict.fromkeys(_LEFT_OUT, NO_FREEDOM.format(int(places[fixed][0])))
        return np.divide(u, rows.free, out=np.zeros(len(u)), where=~fixed)

    def result(self) -> ResidualSummary:
        """What the rows so far say."""
        if self._is_weighted:
            self.reasons.setdefault("breusch_pagan", WEIGHTED)
        if self._fit.is_repeated:
            self.reasons.setdefault("durbin_watson", NO_ORDER)
        if self._fit.is_exact:
            self.reasons |= dict.fromkeys(("durbin_watson", "breusch_pagan", "jarque_bera"), EXACT)
        powers, moments = self._powers.result(), self._sums.result()
        units = moments.exact_units
        size = fmpq(moments.sums[0, 1]) * units[0]
        step, left_out = (fmpq(moments.sums[1 + i, 1 + i]) * units[i] ** 2 for i in (1, 2))
        scale = fmpq(4) ** self._scale * fmpq(2) ** self._weight_scale
        press = self._known("press", lambda: double(left_out * scale))
        self.reasons |= {} if press is not None else dict.fromkeys(_LEFT_OUT, self.reasons["press"])
        return ResidualSummary(
            residual=self._quartiles(),
            mae=self._known("mae", lambda: double(size * fmpq(2) ** (self._scale + self._weight_scale)) / self._weight),
            durbin_watson=self._known(
                "durbin_watson", lambda: double(step / powers.sums[1]) if powers.sums[1] != 0 else EXACT
            ),
            breusch_pagan=self._known("breusch_pagan", lambda: self._breusch_pagan(powers)),
            jarque_bera=self._known("jarque_bera", lambda: self._jarque_bera(powers)),
            press=press,
            rmse_loo=None if press is None else math.sqrt(press / self._weight),
            max_leverage=self._largest,
            reasons=self.reasons,
        )

    def _known(self, name: str, figure: Callable[[], Figure | str]) -> Figure | None:
        """The figure, or None if there is a reason why it does not exist, which may be what is found in its place."""
        if name in self.reasons:
            return None
        found = figure()
        if isinstance(found, str) or found == math.inf:
            self.reasons[name] = found if isinstance(found, str) else TOO_LARGE
            return None
        return found

    def _quartiles(self) -> dict[str, float | None] | None:
        if self._ends is None or "residual" in self.reasons:
            return None
        found = self._held.quantiles(list(QUARTILES.values()))
        if found is not None:
            return dict(zip(QUARTILES, found, strict=True))
        self.reasons["residual"] = MANY
        return dict.fromkeys(QUARTILES) | {"min": self._ends[0], "max": self._ends[1]}

    def _breusch_pagan(self, powers: Powers) -> BreuschPagan | str:
        p, df = self._fit.rank - 1, self._fit.df_resid
        n, (_, second, _, fourth) = powers.n, powers.sums
        variation = fourth - second**2 / n
        if variation <= second**2 / n * _NO_VARIATION:
            return SAME_SQUARES
        shares = next(self._shares.sums())[0, 1:]
        explained = min(1.0, math.fsum((shares * shares).tolist()) / double(variation))
        lm = double(n) * explained
        f = explained / p / ((1 - explained) / df) if df and explained < 1 else None
        return BreuschPagan(lm, float(scipy_special().chdtrc(p, lm)), f, None if f is None else upper_tail(p, df, f))

    def _jarque_bera(self, powers: Powers) -> JarqueBera | str:
        second, third, fourth = powers.about_mean()
        if second <= powers.sums[1] / powers.n * _NO_VARIATION:
            return SAME
        skew = double(third) / double(second) ** 1.5
        kurtosis = double(fourth / second**2)
        statistic = double(powers.n) / 6 * (skew**2 + (kurtosis - 3) ** 2 / 4)
        return JarqueBera(statistic, float(scipy_special().chdtrc(2, statistic)), skew, kurtosis)
