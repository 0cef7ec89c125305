"""The rows of models are found again."""

import numpy as np
import pytest

from service.registry.aliases import Aliases
from service.registry.errors import InlineRowsNotKept
from service.registry.fitted_rows import MOST_BYTES, FittedRows, kept
from service.registry.models import Model, Models
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.store.tables import Store
from tests.registry.opened import Opened

OPTIONS = {"degree": 1, "interactions": False, "fit_intercept": True, "weights": None, "weight_type": None, "missing": "error"}
BODY = {
    "id": "mdl_1", "job_id": "job_1", "dataset_id": None, "feature_names": ["x"], "target": "y", "n_dropped": 0, "imputed": {},
    "categories": {}, "timestamps": [], "metrics": {"df_model": 1}, "options": OPTIONS | {"rows": None, "cluster": None},
}  # fmt: skip
MODEL = Model("mdl_1", BODY, Evaluation((0.0, 1.0), (0.0, 0.0)))


def test_rows_that_came_in_the_call_are_kept_until_their_model_is_deleted(store: Store, opened: Opened) -> None:
    models, rows = Models(store, Aliases(store, 10), 10), FittedRows(store, opened.datasets)
    columns = {"y": np.array([1.0, 2.0]), "x": np.array([3.0, 4.0])}
    store.add([*models.rows(MODEL, Moments.empty(["x", "y"])), *kept("job_1", columns, ["x", "y"])]).result()

    (block,) = rows.of(models.get("mdl_1")).blocks()
    assert block.X.tolist() == [[3.0], [4.0]]
    assert block.y.tolist() == [1.0, 2.0]

    models.delete("mdl_1")
    with pytest.raises(InlineRowsNotKept):
        rows.of(MODEL)


def test_many_rows_that_came_in_the_call_are_not_kept() -> None:
    many = {"x": np.zeros(MOST_BYTES // 8 + 1)}
    assert not kept("job_1", many, ["x"])


def test_what_robust_errors_are_made_of_is_kept_with_its_model(store: Store) -> None:
    models = Models(store, Aliases(store, 10), 10)
    meat = np.array([[1.0, 0.25], [0.25, 3.0]])
    store.add(models.rows(MODEL, Moments.empty(["x", "y"]), meat)).result()
    kept_meat = models.meat("mdl_1")
    assert kept_meat is not None
    assert np.array_equal(kept_meat, meat)
    models.delete("mdl_1")
    assert models.meat("mdl_1") is None
