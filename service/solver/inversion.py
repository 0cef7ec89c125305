"""Backwards: given measured y, which x; with the set of all x that a t test at the level does not refuse (Fieller's).

With all other features standing still the curve is a polynomial f of x with exact coefficients, and its variance one of twice
the degree. The set {x : (mean of y - f(x))² <= t² s² (1/m + h(x))} is where another such polynomial is at most 0, whatever
shape that has: an interval, one without an end, all but an interval, several, all x or none.

Source: Fieller, Some problems in interval estimation, J. R. Statist. Soc. B 16 (1954); for replicates, whose own variance is
pooled with that of the fit: Graybill and Iyer, Regression Analysis (1994), chapter 6, and `calibrate` of R's investr.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flint import fmpq, fmpq_poly

from service.solver.balls import precision
from service.solver.centred import Centred, centred
from service.solver.combinations import Combinations, Values, values_in_balls, values_in_rationals
from service.solver.figures import FIRST_BITS
from service.solver.given_covariance import Given, Robust
from service.solver.least_squares import NO_DF
from service.solver.moments import Moments
from service.solver.penalty import as_read
from service.solver.reading import Numbers
from service.solver.regions import Region, at_most_nothing, real_roots
from service.solver.rounding import double
from service.solver.student import quantile
from service.solver.terms import Term

Kind = Literal["interval", "intervals", "ray", "two_rays", "unbounded", "everything", "empty"]
IntervalOf = Literal["prediction", "confidence"]

# Up to here rationals cost less than balls. 24 columns of doubles take 19 ms in rationals, and each y 1.6.
_FEW_FEATURES = 4
# Bits that may cancel: a column of doubles lies up to 2^53 times its width from 0, and each power of it is squared.
_POWER_BITS, _SPARE_BITS = 2 * 53, 128
_ONE = fmpq(1)

EXACT_FIT = "the fit is exact: it leaves no doubt of any size, only points"
NOT_REFUSED = "at this level the data do not tell how y goes on with x"
WORDS: dict[Kind, str] = {
    "intervals": "several intervals: the curve comes near this y more than once",
    "ray": f"unbounded on one side: {NOT_REFUSED}",
    "two_rays": f"unbounded on both sides, only what lies between is excluded: {NOT_REFUSED}",
    "unbounded": "several parts, of which one at least is unbounded: at this level the data do not tell how y goes on far from them",
    "everything": "unbounded: no x is excluded, as at this level the data do not tell that y depends on x",
    "empty": "empty: there is no x at which the curve comes near this y",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """What changes with one base column while the others stand still. It pickles, as workers are other processes."""

    terms: tuple[Term, ...]  # in the order of the moments' columns
    feature: int  # the place of the base
    at: tuple[float, ...]  # (b,) of the bases; nobody looks at that of the feature

    @property
    def degree(self) -> int:
        """The highest power of the feature."""
        return max((power for term in self.terms for base, power in term.powers if base == self.feature), default=0)

    def monomials(self, numbers: Numbers) -> list[tuple[int, fmpq]]:
        """Each term as an exponent of the feature, and what stands before it; the constant first."""
        values = [as_read(value, numbers) for value in self.at]
        found = [(0, fmpq(1))]
        for term in self.terms:
            exponent, factor = 0, fmpq(1)
            for base, power in term.powers:
                if base == self.feature:
                    exponent = power
                else:
                    factor *= values[base] ** power
            found.append((exponent, factor))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The fitted curve along the slice, exactly, and what its uncertainty is made of."""

    value: fmpq_poly  # f
    spread: fmpq_poly  # h: the variance of f for noise of variance 1; with a covariance of its own, the variance of f
    rss: fmpq  # of the residuals, weighted
    df: int
    numbers: Numbers
    robust_df: int | None = None  # of t, with a covariance of its own


@dataclass(frozen=True, slots=True)
class Inversion:
    """Which x for one y. `regions` None: nobody knows, and `reason` says why; else it says what is not a plain interval."""

    y: float  # the mean of the replicates
    n_replicates: int
    estimates: tuple[float, ...]  # where the curve has this y, rising
    regions: tuple[Region, ...] | None
    kind: Kind | None
    reason: str | None


def inversions(
    moments: Moments,
    fit_intercept: bool,
    along: Slice,
    measured: Sequence[Sequence[float]],
    level: float = 0.95,
    interval: IntervalOf = "prediction",
    robust: Robust | None = None,
    weight: float = 1.0,
) -> tuple[Inversion, ...]:
    """Invert the fit of the moments' last column on the others, which do not depend on each other, for each measured y.

    Args: measured: the replicates of one unknown x each. interval: "prediction": of the x of these measurements; "confidence":
    of the x at which the mean of y is that. robust: takes the place of the covariance of the fit; of the noise of a measurement
    it says nothing, which is sigma squared then too. weight: of a measurement: its noise is sigma squared over that.
    """
    curve, counts = curve_of(moments, fit_intercept, along, robust), as_read(weight, moments.numbers)
    return tuple(inverted(curve, replicates, level, interval, counts) for replicates in measured)


def curve_of(moments: Moments, fit_intercept: bool, along: Slice, robust: Robust | None = None) -> Curve:
    """The curve along a slice of the fit of the moments' last column on the others."""
    equation = centred(moments, fit_intercept)
    monomials = along.monomials(moments.numbers)
    if not fit_intercept:
        monomials[0] = (0, fmpq(0))
    exponents = sorted({exponent for exponent, factor in monomials if factor != 0})
    rows = [tuple(factor if own == e else fmpq(0) for own, factor in monomials) for e in exponents]
    asked = Combinations(tuple(rows), (fmpq(0),) * len(rows))
    found = _values(equation, asked, exponents[-1])
    df = equation.n_samples - equation.n_features - fit_intercept
    spread = found.spread
    if robust is not None and df > 0:
        spread = Given.of(robust, moments, fit_intercept, asked).spread
    unit = equation.weight_unit
    together = [fmpq(0)] * (2 * exponents[-1] + 1)
    for row, e in zip(spread, exponents, strict=True):
        for entry, other in zip(row, exponents, strict=True):
            together[e + other] += entry if robust is not None else entry / unit
    coefficients = [fmpq(0)] * (exponents[-1] + 1)
    for e, estimate in zip(exponents, found.estimates, strict=True):
        coefficients[e] = estimate
    robust_df = None if robust is None else robust.df
    return Curve(fmpq_poly(coefficients), fmpq_poly(together), found.rss * unit, df, moments.numbers, robust_df)


def _values(equation: Centred, asked: Combinations, degree: int) -> Values[fmpq]:
    """Exactly; of many columns to so many bits that no digit of an answer can differ, where balls know them to be that good."""
    sure = _SPARE_BITS + _POWER_BITS * degree
    if equation.n_features > _FEW_FEATURES:
        with precision(2 * sure + FIRST_BITS):
            try:
                found = values_in_balls(equation.balanced(), asked)
            except ZeroDivisionError:
                return values_in_rationals(equation, asked)
            figures = [*found.estimates, *(entry for row in found.spread for entry in row), found.rss]
            if all(figure.rel_accuracy_bits() >= sure for figure in figures):
                return Values(
                    estimates=[value.mid().fmpq() for value in found.estimates],
                    differences=[],
                    spread=[[value.mid().fmpq() for value in row] for row in found.spread],
                    rss=found.rss.mid().fmpq(),
                )
    return values_in_rationals(equation, asked)


def without_errors(
    theta: Sequence[float], along: Slice, numbers: Numbers, measured: Sequence[Sequence[float]], why: str
) -> tuple[Inversion, ...]:
    """Where the curve of coefficients has each y, the intercept's first; of their errors nothing is known, and `why`."""
    monomials = along.monomials(numbers)
    coefficients = [fmpq(0)] * (max(exponent for exponent, _ in monomials) + 1)
    for value, (exponent, factor) in zip(theta, monomials, strict=True):
        coefficients[exponent] += factor * fmpq(*value.as_integer_ratio())
    curve = Curve(fmpq_poly(coefficients), fmpq_poly([]), fmpq(0), 0, numbers)
    return tuple(
        Inversion(double(y), len(values), _estimates(curve, y), None, None, why)
        for y, values in ((_mean(values, numbers), values) for values in measured)
    )


def inverted(curve: Curve, replicates: Sequence[float], level: float, interval: IntervalOf, weight: fmpq = _ONE) -> Inversion:
    """For the replicates of one unknown x, each of this weight."""
    m = len(replicates)
    y = _mean(replicates, curve.numbers)
    estimates = _estimates(curve, y)
    rss, df = curve.rss, curve.df
    if interval == "prediction" and m > 1:
        rss += weight * sum(((as_read(value, curve.numbers) - y) ** 2 for value in replicates), fmpq(0))
        df += m - 1
    if df <= 0:
        return Inversion(double(y), m, estimates, None, None, NO_DF)
    noise, robust_df = rss / df, curve.robust_df
    variance = curve.spread * noise if robust_df is None else curve.spread
    if interval == "prediction":
        variance += noise / (m * weight)
    t = fmpq(*quantile(df if robust_df is None else robust_df, level).as_integer_ratio())
    regions = at_most_nothing((curve.value - y) ** 2 - variance * (t * t))
    kind = kind_of(regions)
    is_exact = variance.degree() < 0 and kind in ("interval", "intervals")
    return Inversion(double(y), m, estimates, regions, kind, EXACT_FIT if is_exact else WORDS.get(kind))


def kind_of(regions: Sequence[Region]) -> Kind:
    """What shape they have together."""
    if not regions:
        return "empty"
    open_ends = math.isinf(regions[0][0]) + math.isinf(regions[-1][1])
    if len(regions) == 1:
        return ("interval", "ray", "everything")[open_ends]
    if open_ends == 0:
        return "intervals"
    return "two_rays" if open_ends == len(regions) else "unbounded"


def _estimates(curve: Curve, y: fmpq) -> tuple[float, ...]:
    return tuple(root for root, _ in real_roots(curve.value - y) if math.isfinite(root))


def _mean(values: Sequence[float], numbers: Numbers) -> fmpq:
    return sum((as_read(value, numbers) for value in values), fmpq(0)) / len(values)
