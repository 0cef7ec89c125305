"""Rows in JSON: as columns, as X and y, or as a line to be generated. A null is a missing cell, in any column.

`parse` is the one place where JSON is read. Of a long body the numbers are read apart from Pydantic and come as arrays, with
NaN for null; what follows, `matrix` and `arrays`, takes any sequences.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, WithJsonSchema

from service.ingest import json_numbers, names, texts
from service.ingest.csv_records import Readable
from service.ingest.errors import InvalidFields, NoColumns, NoRows, RaggedRow, UnequalColumns
from service.ingest.json_errors import explained
from service.ingest.json_text import Text
from service.ingest.names import Array

Floats = npt.NDArray[np.float64]

# What the database, Arrow and JSON's writer can hold; bodies and addresses take no larger one.
Integer = Annotated[int, Field(le=2**63 - 1)]
# The first bad value ends a list: a million wrong ones would be a million errors.
Numbers = Annotated[list[float | None], Field(fail_fast=True)]
Booleans = Annotated[list[bool | None], Field(fail_fast=True)]
Texts = Annotated[list[str | None], Field(fail_fast=True)]
# A column of nulls alone is one of numbers, since that reading is tried first.
Column = Annotated[Numbers | Booleans | Texts, Field(union_mode="left_to_right")]
Columns = dict[str, Column]
Matrix = Annotated[list[Numbers], Field(fail_fast=True)]

# A sum of products, or what the solver says is none: JSON's integers have any length, and its fractions are rounded.
Sum = Annotated[Any, WithJsonSchema({"type": ["string", "integer"]})]
_ONE, _SEVERAL = "one", "several"  # moments; where an error was found, neither is a step that the sender wrote

# Text, and whatever is not read as arrays of numbers: Pydantic takes up to 46 bytes of memory for a byte of it.
MOST_VALUES = 4_000_000
MOST_MOMENTS = 1000  # in one body: each is a matrix, read and checked with big integers


CELLS = ConfigDict(strict=True, allow_inf_nan=False)
_MATRIX, _NUMBERS = TypeAdapter(Matrix, config=CELLS), TypeAdapter(Numbers, config=CELLS)
LONG = 4096  # bytes of a body from which it pays to read the numbers apart


class Strict(BaseModel):
    """A body whose fields are all known: "2" and true are not numbers, nor are NaN and what overflows a double."""

    model_config = ConfigDict(**CELLS, extra="forbid", frozen=True)


class Sample(Strict):
    """A line to be generated: y = slope x + intercept + noise, x uniform on [0, 1)."""

    n_samples: Annotated[Integer, Field(ge=1)]
    slope: float
    intercept: float = 0.0
    noise_std: Annotated[float, Field(ge=0)] = 0.0
    random_state: Annotated[Integer, Field(ge=0)] | None = None


class RowsBody(Strict):
    """Rows, in one of two forms: `columns`, or `X` and `y`."""

    columns: Columns | None = Field(None, description="Values by column, all of the same length.")
    X: Matrix | None = Field(None, description="Features, a list a row.")
    y: Numbers | None = Field(None, description="The target, a value a row of X.")
    feature_names: list[str] | None = Field(None, description="Names for the columns of X; else x, or x1, x2, …")
    target_name: str | None = Field(None, description="A name for y; else y.")


class Window(Strict):
    """Which rows stay when others are appended: the last so many, or those above the largest value of a column less a span."""

    rows: Annotated[Integer, Field(ge=1)] | None = None
    column: str | None = None
    span: Annotated[float, Field(gt=0)] | None = Field(
        None, description="in the units of the column; of timestamps, in seconds"
    )


class MomentsBody(Strict):
    """Exact sums of products of [1, *columns], as GET /datasets/{id}/moments has them or as plain decimal sums."""

    columns: list[str]
    sums: Annotated[list[Annotated[list[Sum], Field(fail_fast=True)]], Field(fail_fast=True)] = Field(
        description="The upper triangle, row by row, or the whole matrix. Text or integers, in units of the places; without "
        "places, plain decimals as text."
    )
    places: list[int] | None = Field(
        None, description="Entry (i, j) is in units of base**-(places_i + places_j), the constant's being 0."
    )
    numbers: Literal["float64", "decimal"] | None = Field(None, description="base 2 or 10; decimal if there are no places")
    n_samples: Integer | None = Field(None, description="as the first of the sums")
    digest: str | None = Field(None, description="checked if it is sent")
    dataset_id: str | None = Field(None, description="where they are from: read by nobody")
    version: int | None = Field(None, description="where they are from: read by nobody")


class DatasetBody(RowsBody):
    """A data set, in one of five forms: `columns`, `X` and `y`, `sample`, `moments`, or `source`."""

    sample: Sample | None = Field(None, description="A line to be generated.")
    moments: (
        Annotated[
            Annotated[MomentsBody, Tag(_ONE)]
            | Annotated[list[MomentsBody], Tag(_SEVERAL), Field(min_length=1, max_length=MOST_MOMENTS, fail_fast=True)],
            Discriminator(lambda sent: _SEVERAL if isinstance(sent, list) else _ONE),
        ]
        | None
    ) = Field(None, description="The moments of rows that stay where they are; those of several places are added up.")
    source: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="Where the rows are: file:///folder/*.parquet, or s3://bucket/folder, under a root that is allowed."
    )
    name: Annotated[str, Field(max_length=200)] | None = None
    numbers: Literal["float64", "decimal"] = "float64"
    window: Window | None = Field(None, description='{"rows": N} or {"column": name, "span": S}: which rows stay.')


Body = TypeVar("Body", bound=Strict)


def parse(
    model: type[Body], body: bytes | Readable, long_bytes: int = LONG, part_bytes: int = json_numbers.PART_BYTES
) -> Body:
    """The body as the model has it. What comes from a stream is read while it arrives.

    Args: long_bytes: the numbers of a body that is no shorter are read apart, in parts, and come as arrays.
    Raises: NotJson; InvalidFields: with a JSON pointer for each of the first 20 errors, or at none if there are more than
        MOST_VALUES that are not read apart; as the stream.
    """
    whole = body if isinstance(body, bytes) and len(body) < long_bytes else None  # a short one pays nothing for the long
    if whole is None:
        text = Text(body)
        apart = json_numbers.lifted(text, _MATRIX, _NUMBERS, part_bytes) if text.upto(long_bytes) else None
        if apart is not None:
            with suppress(ValidationError):  # which speaks of the rest alone, and of places in it
                return _with_numbers(model.model_validate_json(_of_few_values(apart.rest)), apart)
        whole = _of_few_values(text.whole())
    try:
        return model.model_validate_json(whole)
    except ValidationError as error:
        raise explained(error) from None


def _of_few_values(text: bytes) -> bytes:
    """The text. Raises: InvalidFields: it would take too much memory to be read value by value."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MOST_VALUES:
        why = "values that are text, or not what they should be, so that each must be looked at"
        raise InvalidFields([("", f"there are more than {MOST_VALUES} {why}: send fewer rows, or another format")])
    return text


def _with_numbers(body: Body, apart: json_numbers.Lifted) -> Body:
    update: dict[str, Any] = dict(apart.fields)
    if apart.columns:
        update["columns"] = dict(body)["columns"] | apart.columns  # in their old places
    return body.model_copy(update=update)


def rows(body: RowsBody) -> pa.RecordBatch:
    """The rows of a body that has `columns`, or `X` and `y`.

    Raises: InvalidFields: both forms or none; NoRows, NoColumns, RaggedRow, UnequalColumns, BadName, TextTooLong,
        RowTextTooLong.
    """
    if body.columns is not None:
        _refuse("cannot be used with columns", body, "X", "y", "feature_names", "target_name")
        return from_columns(body.columns)
    if body.X is None or body.y is None:
        lacking = "/y" if body.X is not None else "/X" if body.y is not None else ""
        raise InvalidFields([(lacking, "expected rows, as columns or as X and y")])
    return from_matrix(body.X, body.y, body.feature_names, body.target_name)


def dataset_rows(body: DatasetBody) -> pa.RecordBatch | Sample:
    """The rows of a data set's body, or the line that is to be generated.

    Raises: as `rows`.
    """
    if body.sample is None:
        return rows(body)
    _refuse("cannot be used with sample", body, "columns", "X", "y", "feature_names", "target_name")
    return body.sample


def source(body: RowsBody) -> str | None:
    """Where the rows of a data set's body are, if they are not in it. Raises: InvalidFields: some are."""
    named = body.source if isinstance(body, DatasetBody) else None
    if named is not None:
        _refuse("cannot be used with source", body, "columns", "X", "y", "feature_names", "target_name", "sample", "moments")
    return named


def from_columns(columns: Mapping[str, Sequence[Any] | Floats]) -> pa.RecordBatch:
    """Rows from values by column.

    Raises: NoColumns, NoRows, BadName, UnequalColumns, TextTooLong, RowTextTooLong.
    """
    found = arrays(columns)
    return names.record_batch(list(found.values()), names.checked(found))


def from_matrix(
    X: Sequence[Sequence[float | None]] | Floats,
    y: Sequence[float | None] | Floats,
    feature_names: Sequence[str] | None = None,
    target_name: str | None = None,
) -> pa.RecordBatch:
    """Rows from features X and target y; the target is the last column. Raises: as `by_name`."""
    return batch(by_name(X, y, feature_names, target_name))


def batch(columns: Mapping[str, Floats]) -> pa.RecordBatch:
    """Rows from columns of numbers, NaN being a null."""
    return names.record_batch([_with_nulls(values) for values in columns.values()], list(columns))


def by_name(
    X: Sequence[Sequence[float | None]] | Floats,
    y: Sequence[float | None] | Floats,
    feature_names: Sequence[str] | None = None,
    target_name: str | None = None,
) -> dict[str, Floats]:
    """The columns of X, then y, with NaN for null.

    Raises: NoRows, NoColumns, RaggedRow, BadName; UnequalColumns: X and y, or X and its names, differ in length;
        InvalidFields: another number of names than of columns.
    """
    features = matrix(X)
    if len(y) != len(features):
        raise UnequalColumns({"X": len(features), "y": len(y)})
    called = names.feature_names(features.shape[1]) if feature_names is None else tuple(feature_names)
    if len(called) != features.shape[1]:
        raise InvalidFields([("/feature_names", f"expected {features.shape[1]} names, one a column of X, got {len(called)}")])
    called = names.checked([*called, "y" if target_name is None else target_name])
    target = y if isinstance(y, np.ndarray) else np.fromiter(cast("Sequence[float]", y), np.float64, len(y))  # None is NaN
    return dict(zip(called, [*features.T, target], strict=True))


def matrix(X: Sequence[Sequence[float | None]] | Floats) -> Floats:
    """X as an array (n, p), with NaN for null: JSON has no NaN of its own.

    Raises: NoRows; NoColumns; RaggedRow: the first row whose length is not that of row 0.
    """
    if not len(X):
        raise NoRows
    width = len(X[0])
    if not isinstance(X, np.ndarray) and set(map(len, X)) != {width}:
        # numpy says "inhomogeneous shape" and not where
        ragged = next(i for i, row in enumerate(X) if len(row) != width)
        raise RaggedRow(ragged, width, len(X[ragged]))
    if not width:
        raise NoColumns
    if isinstance(X, np.ndarray):
        return X
    # a third of the time of np.array(X), and None becomes NaN as there
    cells: Iterable[Any] = chain.from_iterable(X)
    return np.fromiter(cells, np.float64, count=len(X) * width).reshape(len(X), width)


def _with_nulls(values: Sequence[float | None] | Floats) -> Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN is null too, and there is no bitmap if nothing is missing


def arrays(columns: Mapping[str, Sequence[Any] | Floats]) -> dict[str, Array]:
    """Values by column as Arrow arrays: float64, bool or string, with nulls for None, all of the same length.

    Raises: NoColumns, NoRows, UnequalColumns, TextTooLong, RowTextTooLong.
    """
    if not columns:
        raise NoColumns
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UnequalColumns(lengths)
    if not next(iter(lengths.values())):
        raise NoRows
    found = {name: pa.array(values, _type(values), from_pandas=True) for name, values in columns.items()}
    texts.checked(list(found.values()), list(found))
    return found


def _type(values: Sequence[Any] | Floats) -> pa.DataType:
    """What the first value that is not missing makes of its column."""
    return _TYPES.get(type(next((value for value in values if value is not None), None)), pa.float64())


_TYPES: dict[type, pa.DataType] = {bool: pa.bool_(), str: pa.string()}


def _refuse(why: str, body: BaseModel, *fields: str) -> None:
    unused = [(f"/{field}", why) for field in fields if getattr(body, field) is not None]
    if unused:
        raise InvalidFields(unused)
