"""Models that an earlier version kept are as those of today, but for what it did not know."""

from typing import Any

import orjson

from service.registry.aliases import Aliases
from service.registry.models import Model, Models
from service.registry.older import UNKNOWN
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.store.tables import Store
from service.web.summary import summary

EARLIER: dict[str, Any] = {
    "id": "mdl_1", "method": "normal_equation", "n_samples": 3, "n_features": 1, "feature_names": ["x"], "terms": ["x"], "target": "y",
    "numbers": "float64", "rank": 2, "dropped": [], "condition_number": 1.0, "supported_digits": 15.0, "categories": {},
    "n_dropped": 1, "imputed": {}, "job_id": "job_1", "dataset_id": None, "dataset_version": None, "intercept": 1.0, "coef": [2.0],
    "options": {
        "method": "normal_equation", "fit_intercept": True, "degree": 1, "interactions": False, "l2": 0.0, "weights": None,
        "weight_type": None, "missing": "drop", "categorical": None, "rows": None, "rank_deficient": "error",
    },
    "meta": {"created_at": "2026-11-20T12:00:00Z", "duration_ms": 1.0},
    "metrics": {"mse": 1.0, "rmse": 1.0, "sigma": 3**0.5, "r2": 0.5, "df_resid": 1},
    "inference": [], "descent": None, "reasons": {"std_error": "lost"},
}  # fmt: skip


def read_back(store: Store) -> Model:
    evaluation = Evaluation((1.0, 2.0), (0.0, 0.0), ())
    store.add(
        Models(store, Aliases(store, 1), 1).rows(Model("mdl_1", EARLIER, evaluation), Moments.empty(["x", "y"]))
    ).result()
    return Models(store, Aliases(store, 1), 1).get("mdl_1")


def test_what_an_earlier_version_did_not_know_is_null_with_the_reason(store: Store) -> None:
    """What follows from what it kept is there, its options are what it always did, and nothing it said is changed."""
    body = read_back(store).body

    assert body["metrics"] == EARLIER["metrics"] | {
        "n_samples": 3, "n_dropped": 1, "rank": 2, "df_model": 1, "mae": None, "r2_adj": None, "f_statistic": None, "f_p_value": None,
        "log_likelihood": None, "aic": None, "bic": None,
    }  # fmt: skip
    assert {name for name, value in body["metrics"].items() if value is None} == body["reasons"].keys() - {"std_error"}
    assert body["reasons"]["std_error"] == "lost"
    assert (body["options"]["level"], body["options"]["cov_type"]) == (0.95, "classical")
    assert {name: body[name] for name in EARLIER if name not in ("metrics", "options", "reasons")} == {
        name: value for name, value in EARLIER.items() if name not in ("metrics", "options", "reasons")
    }


def test_an_earlier_model_has_a_summary_and_predicts(store: Store) -> None:
    """Its degrees of freedom are numbers, what it lacks is NA, and a note says why."""
    model = read_back(store)

    table = summary(model.body | {"dataset_gone": False, "stale": False}, None, {})

    assert ("DF model", "1") in table.subject
    assert ("F (1, 1)", "NA") in table.quality
    assert [note for note in table.notes if note.endswith(f"{UNKNOWN}.")] == [
        f"mae, r2_adj, f_statistic, f_p_value, log_likelihood, aic, bic: {UNKNOWN}."
    ]
    assert (model.timestamps, model.scales, model.seen.is_whole) == ([], (), False)
    assert orjson.dumps(model.body)
