"""Models that an earlier version kept: what it did not know of them is null, with the reason, or what it always did."""

from typing import Any

UNKNOWN = "the model was kept by an earlier version, which did not know it"
OPTIONS = {"level": 0.95, "cov_type": "classical", "cluster": None, "cv": None, "per": None}
FIGURES = ("mae", "r2_adj", "f_statistic", "f_p_value", "log_likelihood", "aic", "bic")
_BODY: dict[str, Any] = {"timestamps": [], "ranges": None, "n_clusters": None, "cv": None}


def as_now(body: dict[str, Any]) -> dict[str, Any]:
    """A model's body with all that one of today has."""
    if "df_model" in body["metrics"]:
        return body
    counts = {name: body[name] for name in ("n_samples", "n_dropped", "rank")}
    counts["df_model"] = body["rank"] - body["options"]["fit_intercept"]
    return (
        _BODY
        | body
        | {
            "options": OPTIONS | body["options"],
            "metrics": dict.fromkeys(FIGURES) | counts | body["metrics"],
            "reasons": dict.fromkeys(FIGURES, UNKNOWN) | body["reasons"],
        }
    )
