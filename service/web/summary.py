"""A fitted model as a statistician's table, in words and digits, in the order in which it is read: what all forms show.

At home beside R's summary.lm and statsmodels' summary(); without stars, since a p-value says more than the side of a
threshold that it is on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.web.figures import number, probability, t_value
from service.web.notes import notes

Pairs = tuple[tuple[str, str], ...]

QUARTILES = {"min": "Min", "q1": "1Q", "median": "Median", "q3": "3Q", "max": "Max"}


@dataclass(frozen=True, slots=True)
class Summary:
    """What is shown; names are as they came from outside."""

    title: str
    subject: Pairs  # what was fitted
    quality: Pairs  # how well
    heads: tuple[str, ...]  # of the coefficients' columns, the term's first
    coefficients: tuple[tuple[str, ...], ...]
    residuals: Pairs
    diagnostics: Pairs
    validation: tuple[str, Pairs] | None
    notes: tuple[str, ...]


def summary(model: Mapping[str, Any], diagnostics: Mapping[str, Any] | None, reasons: Mapping[str, str]) -> Summary:
    """Args: model, diagnostics: as clients see them. reasons: why figures of the diagnostics, or all, are null."""
    coefficients = _coefficients(model)
    return Summary(
        title=f"Linear fit of {model['target']}",
        subject=_subject(model),
        quality=_quality(model),
        heads=_heads(model),
        coefficients=coefficients,
        residuals=_residuals(diagnostics),
        diagnostics=_diagnostics(diagnostics),
        validation=_validation(model["cv"]),
        notes=tuple(notes(model, reasons, diagnostics)),
    )


def _subject(model: Mapping[str, Any]) -> Pairs:
    options, metrics = model["options"], model["metrics"]
    method = "gradient descent" if model["descent"] else "ridge" if options["l2"] else "normal equation"
    id_ = model["dataset_id"]
    return (
        ("Model", model["id"]),
        ("Data set", "rows in the call" if id_ is None else id_),
        *((("Version", str(model["dataset_version"])),) if id_ is not None else ()),
        ("Fitted at", model["meta"]["created_at"]),
        ("Method", method),
        ("Numbers read as", model["numbers"]),
        ("Standard errors", options["cov_type"] if model["inference"] else "none"),
        ("Rows", str(model["n_samples"])),
        ("Rows left out", str(model["n_dropped"])),
        ("Rank", str(model["rank"])),
        ("DF model", str(metrics["df_model"])),
        ("DF residuals", str(metrics["df_resid"])),
    )


def _quality(model: Mapping[str, Any]) -> Pairs:
    metrics, n_clusters = model["metrics"], model["n_clusters"]
    df = metrics["df_resid"] if n_clusters is None else n_clusters - 1
    return (
        ("R-squared", number(metrics["r2"])),
        ("Adj. R-squared", number(metrics["r2_adj"])),
        (f"F ({metrics['df_model']}, {df})", number(metrics["f_statistic"])),
        ("Prob (F)", probability(metrics["f_p_value"])),
        ("Log-likelihood", number(metrics["log_likelihood"])),
        ("AIC", number(metrics["aic"])),
        ("BIC", number(metrics["bic"])),
        ("Sigma", number(metrics["sigma"])),
        ("RMSE", number(metrics["rmse"])),
        ("MAE", number(metrics["mae"])),
        ("Condition number", number(model["condition_number"])),
        ("Supported digits", number(model["supported_digits"], 3)),
    )


def _heads(model: Mapping[str, Any]) -> tuple[str, ...]:
    if not model["inference"]:
        return ("", "Estimate")
    level = model["options"]["level"]
    return ("", "Estimate", "Std. error", "t", "P>|t|", f"[{(1 - level) / 2:.10g}", f"{(1 + level) / 2:.10g}]")


def _coefficients(model: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    if not model["inference"]:
        terms = [*(["intercept"] if model["options"]["fit_intercept"] else []), *model["terms"]]
        values = [*([model["intercept"]] if model["options"]["fit_intercept"] else []), *model["coef"]]
        return tuple((term, number(value)) for term, value in zip(terms, values, strict=True))
    return tuple(
        (
            row["term"],
            number(row["estimate"]),
            number(row["std_error"]),
            t_value(row["t_value"]),
            probability(row["p_value"]),
            number(row["ci_lower"]),
            number(row["ci_upper"]),
        )
        for row in model["inference"]
    )


def _residuals(found: Mapping[str, Any] | None) -> Pairs:
    if found is None or found["residual"] is None:
        return ()
    return tuple((head, number(found["residual"][name])) for name, head in QUARTILES.items())


def _diagnostics(found: Mapping[str, Any] | None) -> Pairs:
    if found is None:
        return ()
    pagan, bera = found["breusch_pagan"] or {}, found["jarque_bera"] or {}
    return (
        ("Durbin-Watson", number(found["durbin_watson"])),
        ("Jarque-Bera", number(bera.get("statistic"))),
        ("Breusch-Pagan (LM)", number(pagan.get("lm"))),
        ("Prob (JB)", probability(bera.get("p_value"))),
        ("Prob (LM)", probability(pagan.get("lm_p_value"))),
        ("Skew", number(bera.get("skew"))),
        ("Largest leverage", number(found["max_leverage"])),
        ("Kurtosis", number(bera.get("kurtosis"))),
        ("RMSE leaving one out", number(found["rmse_loo"])),
        ("Predicted R-squared", number(found["r2_pred"])),
        *_inflation(found["vif"]),
    )


def _inflation(vif: Mapping[str, float | None] | None) -> Pairs:
    """That of the term which the others say most of; of one term alone there is none."""
    known: Sequence[tuple[str, float]] = [(term, value) for term, value in (vif or {}).items() if value is not None]
    if len(known) < 2:
        return ()
    term, value = max(known, key=lambda one: one[1])
    return (("Largest VIF", number(value)), ("of", term))


def _validation(cv: Mapping[str, Any] | None) -> tuple[str, Pairs] | None:
    if cv is None:
        return None
    how = "leaving one out" if cv["folds"] == "leave_one_out" else f"{cv['folds']} folds"
    return f"Cross-validation, {how}", (
        ("RMSE", number(cv["rmse"])),
        ("R-squared", number(cv["r2"])),
        ("MSE", number(cv["mse"])),
        ("Std. error of MSE", number(cv["mse_std_error"])),
    )
