"""Conditions on a column: which rows they hold for, exactly.

A double x stands for itself, or for the shortest decimal that reads as it. Either way, what it stands for and the bound are
in the same order as x and the double nearest the bound, because rounding never turns an order round; only where those two
are equal must be looked closer, and that is once and not for every row. A timestamp is an integer of microseconds.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.ingest import times
from service.registry.columns import ORDERED, Column
from service.registry.errors import BadCondition
from service.solver.reading import Numbers

Op = Literal["eq", "ne", "lt", "le", "gt", "ge", "missing"]
SIGNS: dict[str, Op] = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
EQUALITY = ("eq", "ne")

_FUNCTIONS: dict[Op, Callable[..., Any]] = {
    "eq": pc.equal, "ne": pc.not_equal, "lt": pc.less, "le": pc.less_equal, "gt": pc.greater, "ge": pc.greater_equal,
}  # fmt: skip
_OPERATORS: dict[Op, Callable[[Any, Any], bool]] = {
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip
# What the comparison becomes where the double nearest the bound stands for less than the bound, or for more.
_BELOW: dict[Op, Op] = {"lt": "le", "le": "le", "gt": "gt", "ge": "gt"}
_ABOVE: dict[Op, Op] = {"lt": "lt", "le": "lt", "gt": "ge", "ge": "ge"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds for the rows whose cell compares so; a missing cell compares with nothing."""

    column: str
    op: Op
    value: float | str | bool | None  # of timestamps microseconds since 1970
    is_met: bool = True  # False: no double stands for the bound, so that "eq" holds for no row and "ne" for all

    def holds(self, batch: pa.RecordBatch) -> "pa.BooleanArray":
        """For which rows of a batch, without nulls."""
        cells = batch.column(self.column)
        if self.op == "missing":
            return cells.is_null()
        if not self.is_met:
            return cells.is_valid() if self.op == "ne" else pa.array(np.zeros(len(cells), np.bool_))
        found: Any = _FUNCTIONS[self.op](cells, pa.scalar(self.value, cells.type))
        filled: pa.BooleanArray = pc.fill_null(found, False)
        return filled

    def may_hold(self, column: Column) -> bool:
        """Whether it holds for any row, as far as the extremes say."""
        if self.op == "missing":
            return column.n_missing > 0
        if column.type not in ORDERED or self.op == "ne":
            return True
        if self.op == "eq":
            value: Any = self.value
            return self.is_met and column.min is not None and column.max is not None and column.min <= value <= column.max
        return any(_OPERATORS[self.op](extreme, self.value) for extreme in (column.min, column.max) if extreme is not None)

    def must_hold(self, column: Column) -> bool:
        """Whether it holds for every row, as far as the extremes say."""
        if column.type not in ORDERED or self.op not in _OPERATORS or column.n_missing:
            return False
        return all(_OPERATORS[self.op](extreme, self.value) for extreme in (column.min, column.max))


def numeric(column: str, op: Op, bound: Fraction, numbers: Numbers) -> Condition:
    """The condition that a number, as it is read, compares so with the bound. Raises: OverflowError: no double is near it."""
    nearest = bound.numerator / bound.denominator  # correctly rounded
    stands_for = exactly(nearest, numbers)
    if op in EQUALITY:
        return Condition(column, op, nearest, is_met=stands_for == bound)
    if stands_for != bound:
        op = (_BELOW if stands_for < bound else _ABOVE)[op]
    return Condition(column, op, nearest)


def exactly(value: float, numbers: Numbers) -> Fraction:
    """What a double stands for."""
    return Fraction(repr(value)) if numbers == "decimal" else Fraction(value)


def condition(column: Column, op: str, value: str | None, numbers: Numbers) -> Condition:
    """A condition as it is asked for.

    Text is in the order of its Unicode code points; booleans are equal or not; timestamps are written as ISO 8601.

    Args: op: an `Op`, or one of SIGNS. value: as text; a number stands for the decimal, or the double that it reads as.
    Raises: BadCondition.
    """
    op_ = SIGNS.get(op, op)
    if op_ == "missing":
        if value is not None:
            raise BadCondition("value", 'op "missing" takes no value')
        return Condition(column.name, "missing", None)
    if op_ not in _FUNCTIONS:
        raise BadCondition("op", f"there is no op {op!r}")
    if value is None:
        raise BadCondition("value", f"op {op!r} needs a value")
    if column.type == "text":
        return Condition(column.name, op_, value)
    if column.type == "boolean":
        return _boolean(column.name, op_, value)
    if column.type == "timestamp":
        return _timestamp(column.name, op_, value)
    try:
        return numeric(column.name, op_, _bound(value, numbers), numbers)
    except (ValueError, OverflowError):
        raise BadCondition(
            "value", f"column {column.name!r} has numbers, and {value[:40]!r} is none that float64 can hold"
        ) from None


def _bound(value: str, numbers: Numbers) -> Fraction:
    as_double = float(value)
    if not np.isfinite(as_double) or "_" in value:
        raise ValueError(value)
    is_huge = as_double == 0.0 or len(value) > 400  # written as a fraction: 1e-999999999 is
    return Fraction(value) if numbers == "decimal" and not is_huge else exactly(as_double, numbers)


def _timestamp(column: str, op: Op, value: str) -> Condition:
    try:
        return Condition(column, op, times.microseconds(value))
    except ValueError:
        raise BadCondition("value", f"column {column!r} has timestamps, and {value[:40]!r} is not {times.EXPECTED}") from None


def _boolean(column: str, op: Op, value: str) -> Condition:
    if op not in EQUALITY:
        raise BadCondition("op", f"column {column!r} has booleans, which are equal or not: eq, ne, missing")
    if value.lower() not in ("true", "false"):
        raise BadCondition("value", f"column {column!r} has booleans: true or false")
    return Condition(column, op, value.lower() == "true")
