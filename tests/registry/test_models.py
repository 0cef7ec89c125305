"""What the registry of models keeps."""

import orjson
import pytest

from service.registry.aliases import Aliases
from service.registry.errors import NotFound
from service.registry.models import Model, Models
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.store.tables import Store

BODY = {"dataset_id": None, "job_id": "job_1", "metrics": {"df_model": 1}}


def opened(store: Store) -> Models:
    return Models(store, Aliases(store, 10), 10)


def test_a_model_comes_back_with_the_form_that_predictions_use(store: Store) -> None:
    """To the bit, centre and all, in a process that did not fit it."""
    evaluation = Evaluation((0.1, 1 / 3, -0.0), (1e-18, -(2.0**-60), 0.0), (1968.0,))
    body = BODY | {"id": "mdl_1"}
    store.add(opened(store).rows(Model("mdl_1", body, evaluation), Moments.empty(["x", "x^2", "y"]))).result()

    found = opened(store).get("mdl_1")

    assert found.evaluation == evaluation
    assert orjson.dumps(found.body) == orjson.dumps(body)
    assert opened(store).moments("mdl_1").columns == ("x", "x^2", "y")


def test_an_alias_is_looked_up_once_and_always_stands_for_the_model_it_was_last_put_at(store: Store) -> None:
    """In memory it moves and goes with the store, whoever asked for it before; an unknown one is nobody's."""
    aliases = Aliases(store, 10)
    registry = Models(store, aliases, 10)
    for id_ in ("mdl_1", "mdl_2"):
        body = BODY | {"id": id_}
        store.add(registry.rows(Model(id_, body, Evaluation((0.0,), (0.0,), (0.0,))), Moments.empty(["y"]))).result()
    assert registry.in_memory("champion") is None

    aliases.put("champion", "mdl_1", None)
    assert registry.get("champion").id == "mdl_1"
    aliases.put("champion", "mdl_2", None)

    assert registry.in_memory("champion") is registry.get("mdl_2")
    assert Models(store, Aliases(store, 10), 10).get("champion").id == "mdl_2"
    aliases.delete("champion", None)
    assert registry.in_memory("champion") is None
    with pytest.raises(NotFound, match="no model 'champion'"):
        registry.get("champion")


def test_a_model_that_is_deleted_is_not_in_memory_any_longer(store: Store) -> None:
    """Nor does anybody get it by an id that he kept."""
    registry = opened(store)
    model = Model("mdl_1", BODY | {"id": "mdl_1"}, Evaluation((0.0,), (0.0,), (0.0,)))
    store.add(registry.rows(model, Moments.empty(["y"]))).result()
    assert registry.in_memory("mdl_1") is model

    registry.delete("mdl_1")

    assert registry.in_memory("mdl_1") is None
    with pytest.raises(NotFound):
        registry.get("mdl_1")
