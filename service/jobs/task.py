"""What a job is to do, with every default filled in: all that must be known to do it again."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import orjson

from service.solver.reading import Numbers

Method = Literal["normal_equation", "gradient_descent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """How to descend. `batch_size` None is batch descent; mini-batch descent has its random state."""

    learning_rate: float | Literal["auto"]
    epochs: int
    tol: float | None
    batch_size: int | None
    random_state: int | None
    on_divergence: Literal["error", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A fit to make. `descent` None is the normal equation."""

    target: str
    features: tuple[str, ...]
    fit_intercept: bool
    numbers: Numbers
    dataset_id: str | None
    dataset_version: int | None
    descent: Descent | None

    @property
    def method(self) -> Method:
        return "normal_equation" if self.descent is None else "gradient_descent"

    @property
    def epochs(self) -> int | None:
        return None if self.descent is None else self.descent.epochs

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.features, self.target)

    def options(self) -> dict[str, Any]:
        """The options of `POST /fit` that the method uses, as they were or by default."""
        descent = {} if self.descent is None else asdict(self.descent)
        return {"method": self.method, "fit_intercept": self.fit_intercept, "rank_deficient": "error"} | descent

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        values = orjson.loads(text)
        descent = None if values["descent"] is None else Descent(**values["descent"])
        return cls(**{**values, "features": tuple(values["features"]), "descent": descent})
