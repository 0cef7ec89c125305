"""What a fit is worth as a whole: figures that its rows, or its errors, have a say in."""

from dataclasses import dataclass, field

from service.jobs.robust import Errors
from service.jobs.row_figures import RowFigures
from service.jobs.task import Task
from service.solver.glance import LIKELIHOOD
from service.solver.hypotheses import upper_tail
from service.solver.least_squares import LeastSquares

FIGURES = ("sigma", "r2_adj", "f_statistic", "f_p_value", *LIKELIHOOD)


@dataclass(frozen=True, slots=True)
class Whole:
    """The figures by their names; one that does not exist is None, and `reasons` says why if the fit does not."""

    figures: dict[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)


def nothing(why: str) -> Whole:
    """Of coefficients that are not those of least squares."""
    return Whole(dict.fromkeys(FIGURES), dict.fromkeys(FIGURES, why))


def of_the_whole(task: Task, fit: LeastSquares, rows: RowFigures, errors: Errors | None) -> Whole:
    """Args: errors: those that were asked for in place of the classical ones: F is then Wald's."""
    found, reasons = fit.glance, {}
    statistic, df = found.f_statistic, fit.df_resid
    p_value = None if statistic is None else upper_tail(found.df_model, df, statistic)
    if errors is not None:
        statistic, p_value = errors.f_statistic, errors.f_p_value
    elif statistic is None:
        reasons["f_p_value"] = fit.reasons["f_statistic"]
    likelihood, why = _likelihood(task, fit, rows)
    return Whole(
        {"sigma": fit.sigma, "r2_adj": found.r2_adj, "f_statistic": statistic, "f_p_value": p_value} | likelihood,
        reasons | why,
    )


def _likelihood(task: Task, fit: LeastSquares, rows: RowFigures) -> tuple[dict[str, float | None], dict[str, str]]:
    """With weights that say what a row counts, that of rows whose variances are sigma squared over these."""
    found = fit.glance
    known = {"log_likelihood": found.log_likelihood, "aic": found.aic, "bic": found.bic}
    if task.design.weights is None or task.design.weight_type == "frequency" or found.log_likelihood is None:
        return known, {}
    if rows.log_weights is None:
        return dict.fromkeys(LIKELIHOOD), dict.fromkeys(LIKELIHOOD, rows.reasons["mae"])
    more = {"log_likelihood": rows.log_weights / 2, "aic": -rows.log_weights, "bic": -rows.log_weights}
    return {name: None if value is None else value + more[name] for name, value in known.items()}, {}
