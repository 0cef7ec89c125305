"""What `POST /fit` takes: its options as the design has them, those that are not built yet refused by name."""

import math
import secrets
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from service.api.errors import InvalidValue, NotSupported, OptionNotUsed, OverLimit
from service.api.services import Limits
from service.ingest.json_rows import Integer, Matrix, Numbers, Strict
from service.jobs.task import CovType, Descent
from service.registry.design import Per

DESCENT_OPTIONS = ("learning_rate", "epochs", "tol", "batch_size", "random_state", "on_divergence")
INLINE = ("X", "y", "feature_names", "numbers")
OF_DATASETS = ("dataset_version", "features", "rows", "between")
WEIGHTS = "weights"
EPOCHS = 1000
LEAVE_ONE_OUT = "leave_one_out"
MOST_FOLDS = 100
SHORT_ROWS, SHORT_WIDTH = 100, 2


def _rate(value: Any) -> Any:
    """Says in one error what a rate is: pydantic would say one for each of the two things it may be."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if value != "auto" and not (is_number and 0 < value < math.inf):
        raise PydanticCustomError("learning_rate", 'expected a number above 0, or "auto"')
    return value


LearningRate = Annotated[Annotated[float, Field(gt=0)] | Literal["auto"], BeforeValidator(_rate)]


def _weights(value: Any) -> Any:
    """Says in one error what weights are."""
    if not isinstance(value, str | list):
        raise PydanticCustomError("weights", "expected the name of a column, or a list of numbers")
    return value


def _range(value: Any) -> Any:
    """Says in one error what a range of rows is."""
    if not (isinstance(value, list) and len(value) == 2 and all(type(row) is int and row >= 0 for row in value)):
        raise PydanticCustomError("rows", "expected [a, b], two numbers of rows from 0 up")
    return value


def _folds(value: Any) -> Any:
    """Says in one error what folds are."""
    if value != LEAVE_ONE_OUT and not (type(value) is int and 2 <= value <= MOST_FOLDS):
        raise PydanticCustomError(
            "cv", 'expected a number of folds from 2 to {most}, or "leave_one_out"', {"most": MOST_FOLDS}
        )
    return value


FoldsAsked = Annotated[Annotated[Integer, Field(ge=2, le=MOST_FOLDS)] | Literal["leave_one_out"], BeforeValidator(_folds)]
Weights = Annotated[
    Annotated[str, Tag("name")] | Annotated[Numbers, Tag("list")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "list"),
    BeforeValidator(_weights),
]
Range = Annotated[list[Integer], Field(min_length=2, max_length=2), BeforeValidator(_range)]


def _bound(value: Any) -> Any:
    """Says in one error what a bound is."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise PydanticCustomError("bound", "expected a number, or a date or time as text")
    return value


Bound = Annotated[float | str, BeforeValidator(_bound)]


class Between(Strict):
    """Rows by a column whose values never fall: from `from` up to but not including `to`; null is no bound."""

    model_config = ConfigDict(validate_by_name=False, validate_by_alias=True)

    column: str
    from_: Bound | None = Field(None, alias="from", description="a number, or a time as ISO 8601")
    to: Bound | None = Field(None, description="a number, or a time as ISO 8601")


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
    level: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="of the confidence intervals of coefficients")
    rank_deficient: Literal["error", "minimum_norm", "drop", "allow"] = "error"

    learning_rate: LearningRate | None = Field(None, description='"auto" if null')
    epochs: Annotated[Integer, Field(ge=1)] | None = Field(None, description=f"{EPOCHS} if null")
    tol: Annotated[float, Field(ge=0)] | None = Field(None, description="stop once the loss falls by less than this share")
    batch_size: Annotated[Integer, Field(ge=1)] | None = Field(None, description="rows a step; the whole set if null")
    random_state: Annotated[Integer, Field(ge=0)] | None = Field(None, description="drawn, and kept in the options, if null")
    on_divergence: Literal["error", "run"] | None = Field(None, description='"error" if null')

    degree: Annotated[Integer, Field(ge=1)] = Field(1, description="the powers of each numeric feature up to it are terms")
    interactions: bool = Field(False, description="products of different features are terms, up to degree 2 or `degree`")
    weights: Weights | None = Field(None, description="the column of weights; of inline rows, also a list of them")
    weight_type: Literal["precision", "frequency"] | None = Field(
        None, description='"precision" if null: what a row counts; "frequency": how often it was seen, an integer'
    )
    missing: Literal["error", "drop", "mean"] = Field("error", description="what becomes of rows with missing cells")
    categorical: Literal["one_hot"] | None = Field(None, description="makes features of text and booleans")
    rows: Range | None = Field(None, description="[a, b]: the rows from a up to but not including b, counted from 0")
    between: Between | None = Field(None, description="the rows whose value in a sorted column lies in a range")
    cov_type: CovType = Field(
        "classical",
        description='what standard errors allow for: "classical", even noise; HC0 to HC3, uneven; "cluster", of groups',
    )
    cluster: str | None = Field(None, description='with cov_type "cluster": the column that says which rows belong together')
    per: Per | None = Field(None, description='what the coefficient of a timestamp counts; "day" if null')
    l2: Annotated[float, Field(ge=0)] = Field(0.0, description="minimises mean squared error + l2 |coef|^2")
    l1: float = Field(0.0, description="not supported yet: 0 only")
    cv: FoldsAsked | None = Field(None, description="folds that the fit is tried on in turn, or leave_one_out")

    @property
    def weight_column(self) -> str | None:
        """The name of the column of weights; that of a list of them is `weights`."""
        return self.weights if self.weights is None or isinstance(self.weights, str) else WEIGHTS

    @property
    def is_inline(self) -> bool:
        return self.dataset_id is None

    @property
    def is_short(self) -> bool:
        """Whether the event loop can spare the time: a hop to a thread and back costs other requests as much.

        That is some 450 µs for 50 rows of one feature, up to 650 at the bounds, and half as much again while requests press.
        """
        return (
            self.X is not None
            and len(self.X) <= SHORT_ROWS
            and max(map(len, self.X), default=0) <= SHORT_WIDTH
            and self.method == "normal_equation"
            and self.degree == 1
            and not (self.interactions or self.weights is not None or self.missing != "error")
            and self.cov_type == "classical"
            and self.cv is None
        )

    def check(self) -> None:
        """Raises: NotSupported, OptionNotUsed, InvalidValue."""
        _refuse_later(self)
        self._check_source()
        if self.weights is None and self.weight_type is not None:
            raise InvalidValue("/weight_type", "there are no weights: name their column in weights")
        self._check_errors()
        self._check_folds()
        if self.l2 and self.rank_deficient != "error":
            raise InvalidValue("/rank_deficient", "a fit with l2 above 0 is never refused for its rank: leave it out")
        if self.rows is not None:
            if self.between is not None:
                raise InvalidValue("/between", "rows and between cannot be used together")
            if self.rows[0] >= self.rows[1]:
                raise InvalidValue("/rows", f"there are no rows from {self.rows[0]} up to but not including {self.rows[1]}")
        sent = [name for name in DESCENT_OPTIONS if getattr(self, name) is not None]
        if self.method == "normal_equation" and sent:
            raise OptionNotUsed(sent[0], self.method)
        if self.batch_size is None and self.random_state is not None:
            raise OptionNotUsed("random_state", "gradient_descent without batch_size")
        if self.method == "gradient_descent":
            self._check_descent()

    def _check_folds(self) -> None:
        """What would be left out of a fit must not have been in it: the means that fill missing cells are of all rows."""
        if self.cv is None:
            return
        if self.missing == "mean":
            raise NotSupported("/cv", 'cv with missing = "mean"')
        if self.batch_size is not None:
            raise NotSupported("/cv", "cv with batch_size")
        if self.cv == LEAVE_ONE_OUT and (self.method == "gradient_descent" or self.l2):
            raise NotSupported("/cv", f"cv = {LEAVE_ONE_OUT!r} with {'l2' if self.l2 else self.method}")

    def _check_errors(self) -> None:
        """Robust standard errors are of least squares, and clusters are named where they are meant."""
        if self.cov_type == "cluster" and self.cluster is None:
            raise InvalidValue("/cluster", 'expected the name of a column, with cov_type "cluster"')
        if self.cluster is not None and self.cov_type != "cluster":
            raise InvalidValue("/cluster", 'clusters are for cov_type "cluster": leave them out, or ask for that')
        if self.cov_type == "classical":
            return
        if self.method == "gradient_descent":
            raise OptionNotUsed("cov_type", self.method)
        if self.l2:
            raise InvalidValue("/cov_type", "a fit with l2 above 0 has no standard errors: leave it out")

    def _check_source(self) -> None:
        """Either a data set or inline rows, and nothing that goes with the other."""
        if self.is_inline:
            if self.X is None or self.y is None:
                lacking = "/y" if self.X is not None else "/X" if self.y is not None else "/dataset_id"
                raise InvalidValue(lacking, "expected a data set (dataset_id and target) or inline rows (X and y)")
            used_wrongly = [name for name in OF_DATASETS if getattr(self, name) is not None]
        else:
            if self.target is None:
                raise InvalidValue("/target", "expected the name of the column to be explained")
            used_wrongly = [name for name in INLINE if name in self.model_fields_set and getattr(self, name) is not None]
            if not isinstance(self.weights, str | None):
                raise InvalidValue("/weights", "the weights of a data set's rows are a column: name it")
        if used_wrongly:
            where = "inline rows" if self.is_inline else "a data set"
            raise InvalidValue(f"/{used_wrongly[0]}", f"{used_wrongly[0]} cannot be used with {where}")

    def _check_descent(self) -> None:
        if self.l2:
            raise NotSupported("/l2", "l2 with gradient_descent")
        if self.rank_deficient not in ("error", "allow"):
            raise InvalidValue("/rank_deficient", 'gradient_descent takes "error" or "allow" only')
        if self.batch_size is None:
            return
        if self.weights is not None:
            raise NotSupported("/weights", "weights with batch_size")
        for name in ("degree", "interactions", "missing", "categorical", "rows", "between"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise NotSupported(f"/{name}", f"{name} with batch_size")

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


LATER: dict[str, Any] = {"l1": 0.0}  # by name, what alone is taken


def _refuse_later(request: FitRequest) -> None:
    """Options of the design that are not built yet: only their defaults are taken. Raises: NotSupported."""
    for name, default in LATER.items():
        value: Any = getattr(request, name)
        if value != default:
            raise NotSupported(f"/{name}", f"{name} = {value!r}")
