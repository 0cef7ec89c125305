"""What a job is to do, with every default filled in: all that must be known to do it again."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import orjson

from service.registry.design import Design, Found, Per, Recipe
from service.registry.fitted_rows import row_columns
from service.solver.least_squares import RankPolicy
from service.solver.reading import Numbers

Method = Literal["normal_equation", "gradient_descent"]
CovType = Literal["classical", "HC0", "HC1", "HC2", "HC3", "cluster"]


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

    design: Design
    fit_intercept: bool
    l2: float
    rank_deficient: RankPolicy
    numbers: Numbers
    dataset_id: str | None
    dataset_version: int | None
    descent: Descent | None
    level: float = 0.95
    cov_type: CovType = "classical"
    cluster: str | None = None  # the column that says which rows belong together
    cv: int | Literal["leave_one_out"] | None = None
    per: Per | None = None  # what a coefficient of a column of times counts

    @property
    def row_columns(self) -> tuple[str, ...]:
        """The columns of the rows that it may need again."""
        return row_columns(self.design.columns, self.cluster)

    @property
    def walks_rows(self) -> bool:
        """Whether its descent takes the rows in batches."""
        return self.descent is not None and self.descent.batch_size is not None

    @property
    def reads_rows(self) -> bool:
        """Whether it needs the rows again when it has the moments."""
        return self.walks_rows or self.cov_type != "classical" or self.cv is not None

    def scales(self, found: Found) -> tuple[int, ...]:
        """What the coefficients of the terms are multiplied by to count times in units of `per`."""
        return Recipe.of(self.design, found.levels).scales(self.design.timestamps, self.per)

    @property
    def method(self) -> Method:
        return "normal_equation" if self.descent is None else "gradient_descent"

    @property
    def epochs(self) -> int | None:
        return None if self.descent is None else self.descent.epochs

    def options(self) -> dict[str, Any]:
        """The options of `POST /fit` that the method uses, as they were or by default."""
        design = self.design
        options: dict[str, Any] = {
            "method": self.method,
            "fit_intercept": self.fit_intercept,
            "degree": design.degree,
            "interactions": design.interactions,
            "l2": self.l2,
            "weights": design.weights,
            "weight_type": None if design.weights is None else design.weight_type,
            "missing": design.missing,
            "categorical": "one_hot" if design.one_hot else None,
            "rows": None if design.rows is None else list(design.rows),
            "rank_deficient": self.rank_deficient,
            "level": self.level,
            "cov_type": self.cov_type,
            "cluster": self.cluster,
            "cv": self.cv,
            "per": self.per,
        }
        return options | ({} if self.descent is None else asdict(self.descent))

    def to_json(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        values = orjson.loads(text)
        descent = None if values["descent"] is None else Descent(**values["descent"])
        return cls(**{**values, "design": Design.of(values["design"]), "descent": descent})
