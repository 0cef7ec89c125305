"""What a fit makes of the columns of its rows: which terms, which weights, what of text and of cells that are missing."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from service.registry.columns import numbers_of
from service.solver.term_values import Plan
from service.solver.terms import Base, Term, Terms, n_terms, terms

Floats: TypeAlias = NDArray[np.float64]
Missing = Literal["error", "drop", "mean"]
WeightType = Literal["precision", "frequency"]
Per = Literal["second", "hour", "day", "week", "year"]
# In microseconds, which timestamps count as; a year is that of the Gregorian calendar, 365.2425 days.
MICROSECONDS: dict[str, int] = {
    "second": 10**6, "hour": 3600 * 10**6, "day": 86_400 * 10**6, "week": 604_800 * 10**6, "year": 31_556_952 * 10**6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """All that decides the moments of a fit, besides the rows."""

    features: tuple[str, ...]
    target: str
    degree: int = 1
    interactions: bool = False
    one_hot: tuple[str, ...] = ()  # the features that are columns of text or booleans
    booleans: tuple[str, ...] = ()  # those of `one_hot` that are columns of booleans
    timestamps: tuple[str, ...] = ()  # the features that are columns of timestamps, which count as microseconds since 1970
    has_baselines: bool = True  # False without an intercept: the first of `one_hot` then keeps all its categories, as in R
    weights: str | None = None
    weight_type: WeightType = "precision"
    missing: Missing = "error"
    rows: tuple[int, int] | None = None  # from, and up to but not including; None: all

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads: features, target, weights."""
        return (*self.features, self.target, *([] if self.weights is None else [self.weights]))

    @property
    def is_plain(self) -> bool:
        """Whether its terms are columns of numbers as they are."""
        return self.degree == 1 and not (self.interactions or self.one_hot or self.weights)

    @property
    def least_terms(self) -> int:
        """How many terms it has at least: its categories, which nobody knows before the rows are read, aside."""
        if self.is_plain:
            return len(self.features)
        return Recipe.of(self, dict.fromkeys(self.one_hot, ())).n_terms

    @property
    def key(self) -> str:
        """Equal for designs whose moments are equal."""
        values = asdict(self)
        del values["timestamps"]  # the columns say so themselves
        return hashlib.sha256(orjson.dumps(values)).hexdigest()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The design that `asdict` and JSON made `values` of."""
        known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Found:
    """What a pass over the rows found besides the moments."""

    levels: dict[str, list[str]] = field(default_factory=dict)  # the categories of each one-hot column, sorted
    imputed: dict[str, float] = field(default_factory=dict)  # what stands for the missing cells of a column
    n_imputed: dict[str, int] = field(default_factory=dict)
    n_dropped: int = 0  # rows left out because a cell was missing

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes | None) -> Self:
        return cls() if text is None else cls(**orjson.loads(text))


@dataclass(frozen=True)
class Recipe:
    """From the columns of a row to the terms of a model.

    A one-hot column has an indicator for each category but its baseline, the first of all; where `baselines` has none
    for it, for each.
    """

    features: tuple[str, ...]
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    baselines: Mapping[str, str] = field(default_factory=dict)
    degree: int = 1
    interactions: bool = False

    @classmethod
    def of(cls, design: Design, levels: Mapping[str, Sequence[str]]) -> Self:
        whole = design.one_hot[:1] if not design.has_baselines else ()
        baselines = {name: found[0] for name, found in levels.items() if name not in whole and found}
        return cls(design.features, levels, baselines, design.degree, design.interactions)

    @cached_property
    def bases(self) -> tuple[Base, ...]:
        """What terms are products of: the columns of numbers, and the indicators."""
        return tuple(
            base
            for name in self.features
            for base in (
                [Base(f"{name}={level}", group=name) for level in self._indicated(name)]
                if name in self.levels
                else [Base(name)]
            )
        )

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        return terms(self.bases, self.degree, self.interactions)

    @property
    def made_of(self) -> Terms:
        """The terms, and which of the bases are indicators."""
        return Terms(self.terms, frozenset(j for j, base in enumerate(self.bases) if base.group is not None))

    def account(self, *, is_whole: bool) -> Terms | None:
        """What leverages have to know of the terms: nothing where they are the bases, and all are kept."""
        return None if is_whole and not self.has_products else self.made_of

    @property
    def n_terms(self) -> int:
        """How many there are, without making them."""
        groups = [len(self._indicated(name)) for name in self.levels]
        return n_terms(len(self.features) - len(groups), groups, self.degree, self.interactions)

    def scales(self, timestamps: Collection[str], per: str | None) -> tuple[int, ...]:
        """What the coefficient of each term is multiplied by to count these features in units of `per`: powers of the unit.

        (): there are none.
        """
        if not timestamps or per is None:
            return ()
        are_times = [base.group is None and base.name in timestamps for base in self.bases]
        powers = (sum(exponent for j, exponent in term.powers if are_times[j]) for term in self.terms)
        return tuple(MICROSECONDS[per] ** power for power in powers)

    @property
    def has_products(self) -> bool:
        return self.degree > 1 or self.interactions

    @cached_property
    def plan(self) -> Plan | None:
        """How predictions make the terms; None where they are the bases."""
        return Plan.of(self.terms, len(self.bases)) if self.has_products else None

    def block(self, batch: pa.RecordBatch, imputed: Mapping[str, float]) -> Floats:
        """The bases of the rows, (n, len(bases)). Missing numbers without an imputed one are NaN; unseen text is no category."""
        block = np.empty((len(self.bases), batch.num_rows)).T  # by column, as they come: by row takes five times as long
        at = 0
        for name in self.features:
            values = batch.column(name)
            if name not in self.levels:
                block[:, at] = numbers_of(values, imputed.get(name))
                at += 1
                continue
            indicated = self._indicated(name)
            place = pc.index_in(as_text(values), value_set=pa.array(indicated, pa.string())).fill_null(-1).to_numpy()
            block[:, at : at + len(indicated)] = place[:, None] == np.arange(len(indicated))
            at += len(indicated)
        return block

    def _indicated(self, name: str) -> list[str]:
        return [level for level in self.levels[name] if level != self.baselines.get(name)]


def as_text(values: "pa.Array[Any]") -> "pa.Array[Any]":
    """A column of text, or of booleans as the text that JSON has for them."""
    return values.cast(pa.string())
