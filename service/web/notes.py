"""What a reader of a fit must know beside its figures, in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.web.figures import number

MOST_NAMES = 24  # that one reason is given for: of hundreds of terms nobody reads all

NOISE = {
    "HC0": "robust to uneven noise (HC0, White)",
    "HC1": "robust to uneven noise (HC1: HC0 times n / (n - k))",
    "HC2": "robust to uneven noise (HC2: squared residuals over 1 - leverage)",
    "HC3": "robust to uneven noise (HC3: squared residuals over (1 - leverage) squared)",
}


# Durbin-Watson is 2 for rows whose residuals know nothing of each other, and 1 for a correlation of a half from row to row.
NEIGHBOURS = (1.0, 3.0)
UNEVEN_P = 0.01  # of Breusch-Pagan's test


def notes(model: Mapping[str, Any], reasons: Mapping[str, str], diagnostics: Mapping[str, Any] | None = None) -> list[str]:
    """Args: model: as clients see it. reasons: why figures are null that are none of the model's own, by their names.
    diagnostics: what all rows say, if they were read.
    """
    said = () if diagnostics is None else _of_residuals(model, diagnostics)
    return [*_of_rows(model), *_of_terms(model), *_of_fit(model), *said, *_of_nulls(model, reasons)]


def _of_residuals(model: Mapping[str, Any], diagnostics: Mapping[str, Any]) -> Iterable[str]:
    """What speaks against standard errors that take noise to be even and each row's its own."""
    along, uneven = diagnostics["durbin_watson"], diagnostics["breusch_pagan"]
    if along is not None and not NEIGHBOURS[0] <= along <= NEIGHBOURS[1]:
        yield (
            f"Durbin-Watson is {number(along)}: residuals of rows that follow each other are alike, or alternate. A kink or a curve "
            "may be missing, or rows are not independent: then standard errors and intervals are too small."
        )
    is_classical = model["options"]["cov_type"] == "classical" and model["options"]["weights"] is None
    if is_classical and uneven is not None and uneven["lm_p_value"] < UNEVEN_P:
        yield "Breusch-Pagan: the noise is not even, which these standard errors take it to be; cov_type HC3 does not."


def _of_rows(model: Mapping[str, Any]) -> Iterable[str]:
    options = model["options"]
    if model["dataset_gone"]:
        yield "The data set has been deleted since."
    elif model["stale"]:
        yield "Rows have been taken away from the data set since: its version of the fit is gone."
    if options["rows"] is not None:
        first, end = options["rows"]
        yield f"Of the data set's rows those from {first} up to but not including {end}."
    if model["n_dropped"]:
        yield f"{_rows(model['n_dropped'])} left out, because a cell was missing."
    for name, found in model["imputed"].items():
        yield f"Missing cells of {name!r} ({found['n']}) were filled with {_value(found['value'])}."
    if options["weights"] is not None:
        how = "how often a row was seen" if options["weight_type"] == "frequency" else "what a row counts"
        yield f"Weighted: {options['weights']!r} says {how}."


def _of_terms(model: Mapping[str, Any]) -> Iterable[str]:
    options = model["options"]
    for name in model["timestamps"]:
        yield f"{name!r} is a time: its slope is per {options['per']}; it counts from 1970-01-01T00:00Z."
    for name, found in model["categories"].items():
        if found["baseline"] is not None:
            yield f"Categories of {name!r} are compared with {found['baseline']!r}."
    for name in model["dropped"]:
        how = model["reasons"].get(name, "").removeprefix("dropped: ")
        yield f"{name!r} was dropped, as it depends on other terms{how and ': '}{how}."
    if not options["fit_intercept"]:
        yield "No intercept: R-squared is measured from 0 and not from the mean, so that it says nothing beside one that has it."


def _of_fit(model: Mapping[str, Any]) -> Iterable[str]:
    options, descent = model["options"], model["descent"]
    kind = options["cov_type"]
    if kind == "cluster":
        yield (
            f"Standard errors are by cluster: {options['cluster']!r} says which rows belong together ({model['n_clusters']} "
            f"clusters); t, intervals and F have {model['n_clusters'] - 1} degrees of freedom, one less than there are."
        )
    elif kind != "classical":
        yield f"Standard errors are {NOISE[kind]}; F is Wald's with them."
    if options["l2"]:
        yield (
            f"Penalised: minimises mean squared error + {number(options['l2'])} times the sum of the squared coefficients, "
            "the intercept's left out. There are no standard errors of it."
        )
    if options["rank_deficient"] == "minimum_norm" and model["rank"] < len(model["terms"]) + options["fit_intercept"]:
        yield "Some terms depend on others: of all best fits this is that of the least norm."
    if descent is not None:
        yield from _of_descent(descent, model)


def _of_descent(descent: Mapping[str, Any], model: Mapping[str, Any]) -> Iterable[str]:
    left, how = descent["distance_to_optimum"], "stopped by tol" if descent["stopped_early"] else "ended"
    yield f"The descent {how} at epoch {descent['epoch']}, learning rate {number(descent['learning_rate'])}."
    if model["inference"]:
        yield "It has arrived at the least-squares fit, whose standard errors these are."
    else:
        yield (
            f"Distance to the least-squares fit: {number(left['coef'])} in the coefficient furthest from it, "
            f"{number(left['loss'])} in loss."
        )


def _of_nulls(model: Mapping[str, Any], reasons: Mapping[str, str]) -> Iterable[str]:
    """One line a reason, with all that it holds for."""
    by_reason: dict[str, list[str]] = {}
    every = [(name, why) for name, why in (model["reasons"] | dict(reasons)).items() if name not in model["dropped"]]
    every += (
        (row["term"], row["reason"]) for row in model["inference"] if row["reason"] and row["term"] not in model["dropped"]
    )
    if model["cv"]:
        every += ((f"cv {name}", why) for name, why in model["cv"]["reasons"].items())
    for name, why in every:
        names = by_reason.setdefault(why, [])
        if name not in names:
            names.append(name)
    for why, names in by_reason.items():
        few = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else "")
        yield f"{few}: {why}."


def _rows(n: int) -> str:
    return "1 row was" if n == 1 else f"{n} rows were"


def _value(value: float | str) -> str:
    return repr(value) if isinstance(value, str) else number(value)
