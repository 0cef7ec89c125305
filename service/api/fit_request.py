"""What `POST /fit` takes: its options as the design has them, those that are not built yet refused by name."""

import math
import secrets
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from service.api.errors import InvalidValue, NotSupported, OptionNotUsed, OverLimit
from service.api.services import Limits
from service.ingest.json_rows import Integer, Matrix, Numbers, Strict
from service.jobs.task import Descent

DESCENT_OPTIONS = ("learning_rate", "epochs", "tol", "batch_size", "random_state", "on_divergence")
INLINE = ("X", "y", "feature_names", "numbers")
EPOCHS = 1000


def _rate(value: Any) -> Any:
    """Says in one error what a rate is: pydantic would say one for each of the two things it may be."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (is_number and 0 < value < math.inf):
        raise PydanticCustomError("learning_rate", 'expected a number above 0, or "auto"')
    return value


LearningRate = Annotated[Annotated[float, Field(gt=0)] | Literal["auto"], BeforeValidator(_rate)]


class FitRequest(Strict):
    """A fit to a data set (`dataset_id`, `target`) or to rows sent with it (`X`, `y`)."""

    dataset_id: str | None = None
    dataset_version: Annotated[Integer, Field(ge=1)] | None = Field(None, description="the newest if null")
    target: str | None = Field(None, description="the column to be explained; of inline rows, its name (y)")
    features: list[str] | None = Field(None, description="the columns that explain; all other numeric ones if null")

    X: Matrix | None = Field(None, description="inline features, a list a row")
    y: Numbers | None = Field(None, description="inline target")
    feature_names: list[str] | None = None
    numbers: Literal["float64", "decimal"] | None = Field(None, description="what inline numbers mean; float64 if null")

    method: Literal["normal_equation", "gradient_descent"] = "normal_equation"
    fit_intercept: bool = True
    rank_deficient: Literal["error", "minimum_norm", "drop", "allow"] = "error"

    learning_rate: LearningRate | None = Field(None, description='"auto" if null')
    epochs: Annotated[Integer, Field(ge=1)] | None = Field(None, description=f"{EPOCHS} if null")
    tol: Annotated[float, Field(ge=0)] | None = Field(None, description="stop once the loss falls by less than this share")
    batch_size: Annotated[Integer, Field(ge=1)] | None = Field(None, description="rows a step; the whole set if null")
    random_state: Annotated[Integer, Field(ge=0)] | None = Field(None, description="drawn, and kept in the options, if null")
    on_divergence: Literal["error", "run"] | None = Field(None, description='"error" if null')

    degree: Integer = Field(1, description="not supported yet: 1 only")
    interactions: bool = Field(False, description="not supported yet: false only")
    l2: float = Field(0.0, description="not supported yet: 0 only")
    l1: float = Field(0.0, description="not supported yet: 0 only")
    weights: str | None = Field(None, description="not supported yet: null only")
    weight_type: str | None = Field(None, description="not supported yet: null only")
    missing: Literal["error", "drop", "mean"] = Field("error", description='not supported yet: "error" only')
    categorical: Literal["one_hot"] | None = Field(None, description="not supported yet: null only")
    cv: Integer | None = Field(None, description="not supported yet: null only")
    rows: list[Integer] | None = Field(None, description="not supported yet: null only")

    @property
    def is_inline(self) -> bool:
        return self.dataset_id is None

    def check(self) -> None:
        """Raises: NotSupported, OptionNotUsed, InvalidValue."""
        _refuse_later(self)
        if self.is_inline:
            if self.X is None or self.y is None:
                lacking = "/y" if self.X is not None else "/X" if self.y is not None else "/dataset_id"
                raise InvalidValue(lacking, "expected a data set (dataset_id and target) or inline rows (X and y)")
            used_wrongly = [name for name in ("dataset_version", "features") if getattr(self, name) is not None]
        else:
            if self.target is None:
                raise InvalidValue("/target", "expected the name of the column to be explained")
            used_wrongly = [name for name in INLINE if name in self.model_fields_set and getattr(self, name) is not None]
        if used_wrongly:
            where = "inline rows" if self.is_inline else "a data set"
            raise InvalidValue(f"/{used_wrongly[0]}", f"{used_wrongly[0]} cannot be used with {where}")
        sent = [name for name in DESCENT_OPTIONS if getattr(self, name) is not None]
        if self.method == "normal_equation" and sent:
            raise OptionNotUsed(sent[0], self.method)
        if self.batch_size is None and self.random_state is not None:
            raise OptionNotUsed("random_state", "gradient_descent without batch_size")

    def descent(self, n_features: int, limits: Limits) -> Descent | None:
        """How to descend, every default filled in; None for the normal equation. Raises: OverLimit."""
        if self.method == "normal_equation":
            return None
        if n_features > limits.max_descent_columns:
            raise OverLimit("/features", "features of a gradient descent", n_features, limits.max_descent_columns)
        epochs = EPOCHS if self.epochs is None else self.epochs
        if epochs > limits.max_epochs:
            raise OverLimit("/epochs", "epochs", epochs, limits.max_epochs)
        if self.batch_size is not None:
            most = min(limits.max_minibatch_epochs, limits.max_history_bytes // (8 * (n_features + 2)))
            if epochs > most:
                raise OverLimit("/epochs", "epochs of a mini-batch descent, which keeps the state of each", epochs, most)
        drawn = secrets.randbits(32) if self.batch_size is not None and self.random_state is None else self.random_state
        return Descent(
            learning_rate="auto" if self.learning_rate is None else self.learning_rate,
            epochs=epochs,
            tol=self.tol,
            batch_size=self.batch_size,
            random_state=drawn,
            on_divergence="error" if self.on_divergence is None else self.on_divergence,
        )


LATER = ("degree", "interactions", "l2", "l1", "weights", "weight_type", "missing", "categorical", "cv", "rows")


def _refuse_later(request: FitRequest) -> None:
    """Options of the design that are not built yet: only their defaults are taken. Raises: NotSupported."""
    for name in (*LATER, "rank_deficient"):
        value: Any = getattr(request, name)
        if value != FitRequest.model_fields[name].default:
            raise NotSupported(f"/{name}", f"{name} = {value!r}")
