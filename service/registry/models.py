"""Fitted models: in the process by their id, the least recently used let go, over the store that has them all."""

from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from threading import Lock
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from numpy.typing import NDArray

from service.registry.aliases import Aliases
from service.registry.columns import ColumnType
from service.registry.design import Design, Found, Recipe
from service.registry.errors import ModelInUse, NotFound
from service.registry.kept import Kept
from service.registry.older import as_now
from service.registry.pages import Page, page_of
from service.registry.seen import Seen
from service.solver.evaluation import Evaluation
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.store.additions import Row
from service.store.tables import Store, aliases, inline_rows, meats, models

_SHOWN: tuple[sa.Column[Any], ...] = (models.c.id, models.c.body, models.c.evaluation)


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model: what people read (`body`), and what predictions use. It never changes."""

    id: str
    body: dict[str, Any]
    evaluation: Evaluation

    @property
    def feature_names(self) -> list[str]:
        names: list[str] = self.body["feature_names"]
        return names

    @property
    def timestamps(self) -> list[str]:
        """The features that are columns of timestamps."""
        names: list[str] = self.body["timestamps"]
        return names

    @cached_property
    def scales(self) -> tuple[int, ...]:
        """What each coefficient, as it follows from the moments, is multiplied by to be the one that is read; (): none is."""
        return self.recipe.scales(self.timestamps, self.body["options"]["per"])

    @property
    def scaled_terms(self) -> dict[str, int]:
        """`scales` by the terms that have another than 1."""
        return {name: scale for name, scale in zip(self.body["terms"], self.scales, strict=False) if scale != 1}

    @property
    def kept_terms(self) -> list[str]:
        """The terms that were not dropped."""
        return [term for term in self.body["terms"] if term not in self.body["dropped"]]

    @property
    def is_determined(self) -> bool:
        """Whether the rows left the coefficients of those that were kept no choice."""
        determined: bool = self.body["rank"] == len(self.kept_terms) + self.body["options"]["fit_intercept"]
        return determined

    @property
    def df_of_t(self) -> int:
        """Degrees of freedom of t, of coefficients and intervals: of errors by cluster one less than there are clusters."""
        n_clusters: int | None = self.body["n_clusters"]
        df_resid: int = self.body["metrics"]["df_resid"]
        return df_resid if n_clusters is None else n_clusters - 1

    @property
    def created_at(self) -> str:
        when: str = self.body["meta"]["created_at"]
        return when

    @cached_property
    def recipe(self) -> Recipe:
        """From the columns of a row to the model's terms."""
        return Recipe.of(self.design, self.found.levels)

    @cached_property
    def design(self) -> Design:
        """What the fit made of the columns of its rows."""
        options, categories = self.body["options"], self.body["categories"]
        return Design(
            features=tuple(self.feature_names),
            target=self.body["target"],
            degree=options["degree"],
            interactions=options["interactions"],
            one_hot=tuple(categories),
            booleans=tuple(name for name, found in categories.items() if found["type"] == "boolean"),
            timestamps=tuple(self.timestamps),
            has_baselines=options["fit_intercept"] or not categories,
            weights=options["weights"],
            weight_type=options["weight_type"] or "precision",
            missing=options["missing"],
            rows=None if options["rows"] is None else (options["rows"][0], options["rows"][1]),
        )

    @property
    def found(self) -> Found:
        """What the pass over its rows found."""
        imputed = self.body["imputed"]
        return Found(
            levels={name: found["levels"] for name, found in self.body["categories"].items()},
            imputed={name: found["value"] for name, found in imputed.items()},
            n_imputed={name: found["n"] for name, found in imputed.items()},
            n_dropped=self.body["n_dropped"],
        )

    @cached_property
    def seen(self) -> Seen:
        """Where the rows of the fit lay."""
        return Seen.of(self.body["ranges"], self.recipe.bases)

    @cached_property
    def types(self) -> dict[str, ColumnType]:
        """What the columns of its features must be."""
        categories = self.body["categories"]
        found: dict[str, ColumnType] = {name: one["type"] for name, one in categories.items()}
        for name in self.timestamps:
            found[name] = "timestamp"
        return {name: found.get(name, "number") for name in self.feature_names}

    @cached_property
    def n_plain_terms(self) -> int:
        """How many terms it has, if they are the numbers of a row as they are; else 0."""
        is_plain = (
            not (self.timestamps or self.recipe.levels or self.recipe.has_products or self.evaluation.centre)
            and self.numbers == "float64"
        )
        return len(self.feature_names) if is_plain else 0

    @property
    def numbers(self) -> Numbers:
        reading: Numbers = self.body["numbers"]
        return reading


class Models:
    """The registry of models, keyed by id; where an id may stand, an alias may."""

    def __init__(self, store: Store, aliases: Aliases, capacity: int) -> None:
        """Args: capacity: how many are in memory."""
        self._store, self._aliases = store, aliases
        self._kept = Kept[str, Model](capacity)
        self._lock = Lock()  # so that none is put in memory after it was deleted

    def rows(self, model: Model, moments: Moments, meat: NDArray[np.float64] | None = None) -> list[Row]:
        """What is to be kept of a new model, with the moments it came from, in the transaction that finishes its job.

        Args: meat: (c, c) of its standard errors, if these do not follow from the moments, in the coordinates of its kept terms.

        It is in memory at once: nobody knows its id before that transaction is on disk.
        """
        self._kept.put(model.id, model)
        evaluation = model.evaluation
        row = {
            "id": model.id,
            "dataset_id": model.body["dataset_id"],
            "body": orjson.dumps(model.body),
            "evaluation": orjson.dumps([evaluation.hi, evaluation.lo, evaluation.centre]),
            "moments": moments.to_bytes(),
        }
        if meat is None:
            return [(models, row)]
        return [(models, row), (meats, {"model_id": model.id, "value": meat.astype("<f8").tobytes()})]

    def get(self, name: str) -> Model:
        """The model of this id or alias. Raises: NotFound."""
        id_ = name if name.startswith("mdl_") else self._aliased(name)
        model = self._kept.get(id_)
        if model is None:
            with self._lock, self._store.read() as connection:
                row = connection.execute(sa.select(*_SHOWN).where(models.c.id == id_)).one_or_none()
                if row is None:
                    raise NotFound("model", name)
                model = _model(row)
                self._kept.put(id_, model)
        return model

    def in_memory(self, name: str) -> Model | None:
        """The model, if it takes no look at the store to find it: it may be asked for on the event loop."""
        if not name.startswith("mdl_"):
            alias = self._aliases.in_memory(name)
            if alias is None:
                return None
            name = alias.model_id
        return self._kept.get(name)

    def moments(self, id_: str) -> Moments:
        """What the model was made of, its columns the terms and the target. Raises: NotFound."""
        with self._store.read() as connection:
            value = connection.execute(sa.select(models.c.moments).where(models.c.id == id_)).scalar_one_or_none()
        if value is None:
            raise NotFound("model", id_)
        return Moments.from_bytes(value)

    def meat(self, id_: str) -> NDArray[np.float64] | None:
        """(c, c) what the standard errors of a model are made of that do not follow from its moments; None: they do."""
        with self._store.read() as connection:
            query = sa.select(meats.c.value).where(meats.c.model_id == id_)
            value = connection.execute(query).scalar_one_or_none()
        if value is None:
            return None
        flat = np.frombuffer(value, "<f8")
        return flat.reshape(isqrt(len(flat)), -1)

    def page(self, limit: int, before: int | None) -> Page[Model]:
        """The newest models."""
        page = page_of(self._store, models, limit, before, _SHOWN)
        return Page([_model(row) for row in page.items], page.next)

    def delete(self, id_: str) -> None:
        """Forget a model. Raises: NotFound, ModelInUse."""
        with self._store.write() as connection:
            alias = connection.execute(
                sa.select(aliases.c.name).where(aliases.c.model_id == id_).limit(1)
            ).scalar_one_or_none()
            if alias is not None:
                raise ModelInUse(id_, alias)
            body = connection.execute(sa.select(models.c.body).where(models.c.id == id_)).scalar_one_or_none()
            if body is None:
                raise NotFound("model", id_)
            connection.execute(sa.delete(models).where(models.c.id == id_))
            connection.execute(sa.delete(inline_rows).where(inline_rows.c.job_id == orjson.loads(body)["job_id"]))
        with self._lock:
            self._kept.forget(id_)

    def _aliased(self, name: str) -> str:
        try:
            return self._aliases.get(name).model_id
        except NotFound:
            raise NotFound("model", name) from None


def _model(row: sa.Row[Any]) -> Model:
    return Model(row.id, as_now(orjson.loads(row.body)), Evaluation(*map(tuple, orjson.loads(row.evaluation))))
