"""What the standard errors say of each coefficient: t and p values, and confidence intervals, from Student's t."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from service.solver.least_squares import LeastSquares
from service.solver.rounding import TOO_LARGE, finite
from service.solver.student import quantile, two_sided

EXACT_FIT = "the standard error is 0: the fit is exact, and there is nothing to test against"
DETERMINED = "the standard error is 0: the data leave this coefficient no choice, as of a column that never varies"


class Tested(NamedTuple):
    """A figure, and the t test that it is what it should be. What cannot be said is None, and `reason` says why."""

    estimate: float | None
    std_error: float | None
    t_value: float | None = None
    p_value: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """A coefficient and how well it is known. What cannot be said is None, and `reason` says why."""

    term: str
    estimate: float | None  # None: dropped
    std_error: float | None
    t_value: float | None = None
    p_value: float | None = None  # two-sided: of a |t| at least as large if the true coefficient is 0
    ci_lower: float | None = None
    ci_upper: float | None = None
    reason: str | None = None


def inference(fit: LeastSquares, level: float = 0.95) -> tuple[Inference, ...]:
    """Infer for each term, "intercept" first where it is fitted, at a confidence `level` between 0 and 1."""
    terms = (("intercept", fit.intercept),) if fit.fit_intercept else ()
    estimates = (*terms, *zip(fit.feature_names, fit.coef, strict=True))
    missing = fit.reasons.get("std_error", TOO_LARGE)
    sure = EXACT_FIT if fit.sigma == 0 else DETERMINED
    t_level = quantile(fit.df_resid, level) if fit.df_resid else 0.0
    return tuple(
        Inference(term, None, None, reason=fit.reasons[term])
        if estimate is None
        else _inferred(term, estimate, std_error, fit.df_resid, t_level, missing, sure)
        for (term, estimate), std_error in zip(estimates, fit.std_error, strict=True)
    )


def _inferred(
    term: str, estimate: float, std_error: float | None, df: int, t_level: float, missing: str, sure: str
) -> Inference:
    if std_error is None:
        return Inference(term, estimate, None, reason=missing)
    t_value = estimate / std_error if std_error else math.nan
    return Inference(term, *tested(estimate, std_error, t_value, df, t_level, sure))


def tested(estimate: float, std_error: float, t_value: float, df: int, t_level: float, sure: str) -> Tested:
    """Args: t_value: of what is tested. t_level: the quantile of the interval. sure: the reason where the standard error is 0."""
    if std_error == 0:
        return Tested(estimate, 0.0, ci_lower=estimate, ci_upper=estimate, reason=sure)
    margin = t_level * std_error
    lower, upper = estimate - margin, estimate + margin
    return Tested(
        estimate,
        std_error,
        t_value=finite(t_value),
        p_value=two_sided(df, t_value),
        ci_lower=finite(lower),
        ci_upper=finite(upper),
        reason=None if all(map(math.isfinite, (t_value, lower, upper))) else TOO_LARGE,
    )
