"""What the registry of models keeps."""

import orjson

from service.registry.models import Model, Models
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.store.tables import Store


def test_a_model_comes_back_with_the_form_that_predictions_use(store: Store) -> None:
    """To the bit, centre and all, in a process that did not fit it."""
    evaluation = Evaluation((0.1, 1 / 3, -0.0), (1e-18, -(2.0**-60), 0.0), (1968.0,))
    body = {"id": "mdl_1", "dataset_id": None}
    store.add([Models(store, 10).row(Model("mdl_1", body, evaluation), Moments.empty(["x", "x^2", "y"]))]).result()

    found = Models(store, 10).get("mdl_1")

    assert found.evaluation == evaluation
    assert orjson.dumps(found.body) == orjson.dumps(body)
    assert Models(store, 10).moments("mdl_1").columns == ("x", "x^2", "y")
