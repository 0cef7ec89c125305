"""Conditions on numbers, held against exact fractions."""

from fractions import Fraction
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.registry.columns import Column, columns_of, seen
from service.registry.conditions import condition, exactly
from service.registry.errors import BadCondition
from service.solver.reading import Numbers

COMPARE = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "lt": lambda a, b: a < b, "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
}  # fmt: skip
NUMBER, TEXT, BOOLEAN = Column("c", "number"), Column("c", "text"), Column("c", "boolean")

short = st.integers(-400, 400).map(lambda k: k / 100)
bounds = st.one_of(
    short.map(repr), st.tuples(short, st.integers(-3, 3)).map(lambda pair: f"{pair[0]:.20f}"[:-1] + str(abs(pair[1]))),
    st.sampled_from(["0", "-0.0", "1e-160", "-1e-400", "1e308", "0.1", "0.10000000000000001", "0.1000000000000000055511151231257827"]),
)  # fmt: skip


@given(
    st.lists(short, min_size=1, max_size=6), bounds, st.sampled_from(sorted(COMPARE)), st.sampled_from(["float64", "decimal"])
)
def test_numbers_compare_as_they_are_read(values: list[float], bound: str, op: str, numbers: Numbers) -> None:
    """With decimals the bound is the decimal as sent, however long; with doubles the double that it reads as."""
    batch = pa.RecordBatch.from_arrays([pa.array([*values, None])], names=["c"])
    asked = condition(NUMBER, op, bound, numbers)
    exact_bound = Fraction(bound) if numbers == "decimal" and float(bound) else Fraction(float(bound))

    holds = [COMPARE[op](exactly(value, numbers), exact_bound) for value in values]

    assert asked.holds(batch).to_pylist() == [*holds, False]
    (column,) = seen(columns_of(batch.slice(0, len(values)).schema), batch.slice(0, len(values)))
    assert asked.may_hold(column) or not any(holds)
    assert not asked.must_hold(column) or all(holds)


@pytest.mark.parametrize(
    ("column", "op", "value", "parameter"),
    [
        (NUMBER, "eq", "abc", "value"), (NUMBER, "eq", "nan", "value"), (NUMBER, "lt", "inf", "value"), (NUMBER, "eq", "1_0", "value"),
        (NUMBER, "lt", "1e999", "value"), (NUMBER, "eq", "", "value"), (NUMBER, "eq", None, "value"), (NUMBER, "missing", "1", "value"),
        (NUMBER, "like", "1", "op"), (BOOLEAN, "lt", "true", "op"), (BOOLEAN, "eq", "1", "value"), (TEXT, "eq", None, "value"),
    ],
)  # fmt: skip
def test_a_condition_that_makes_no_sense_is_refused(
    column: Column, op: str, value: str | None, parameter: Literal["op", "value"]
) -> None:
    """By the parameter that is wrong."""
    with pytest.raises(BadCondition) as refused:
        condition(column, op, value, "float64")

    assert refused.value.parameter == parameter


def test_text_is_in_the_order_of_its_code_points() -> None:
    """Dates written year first are in theirs."""
    words = ["2024-01-31", "2024-02-01", "Z", "a", "é", "\U0001f600", "￿"]
    batch = pa.RecordBatch.from_arrays([pa.array(words)], names=["c"])
    for bound in words:
        holds = condition(TEXT, "lt", bound, "float64").holds(batch).to_pylist()
        assert holds == [word < bound for word in words]


def test_zeros_have_no_sign() -> None:
    """-0.0 is 0, in conditions and in extremes."""
    batch = pa.RecordBatch.from_arrays([pa.array(np.array([-0.0, 0.0, -0.0]))], names=["c"])

    assert condition(NUMBER, "eq", "0", "float64").holds(batch).to_pylist() == [True] * 3
    (column,) = seen(columns_of(batch.schema), batch)
    assert (repr(column.min), repr(column.max)) == ("0.0", "0.0")
