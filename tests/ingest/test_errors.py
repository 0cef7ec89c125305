"""What ingest refuses: values that say what, where, and what would be right."""

import pickle

import pytest

from service.ingest import errors

ALL = [
    errors.NotJson("expected value", 1, 2),
    errors.InvalidFields([("/columns/x/17", "expected a number")]),
    errors.RaggedRow(3, 2, 1),
    errors.UnequalColumns({"x": 3, "y": 4}),
    errors.MissingValue(3, "x"),
    errors.WrongType(3, "x", "a" * 1000, "a number"),
    errors.LossyInteger(3, "x", 2**53 + 1),
    errors.LossyDecimal(3, "x", "0." + "1" * 76),
    errors.LossyTimestamp(3, "t", "2026-11-28T00:00:00.000000001"),
    errors.TimestampOutOfRange(3, "t", "300000 days from 1970", "0001-01-01", "9999-12-31"),
    errors.TextTooLong(3, "x", 40_000, 32_768),
    errors.RowTextTooLong(3, 70_000, 65_536),
    errors.BadName("intercept", "it is reserved"),
    errors.UnsupportedColumn("x", "time32[s]"),
    errors.NoRows(),
    errors.NoColumns(),
    errors.BadCsv("a quoted field is never closed", 3),
    errors.BadArrow("it is cut off"),
    errors.BadParquet("it is cut off"),
    errors.BadNumpy("it is cut off"),
    errors.BadMultipart("it has no file"),
    errors.BadSource("there is no such file"),
    errors.BadEncoding("gzip", "it is cut off"),
    errors.TooLong(2),
    errors.TooManyColumns(3, 2),
    errors.TooManyRows(2),
]


def test_every_error_is_here() -> None:
    """So that what follows holds for all."""
    assert {type(error) for error in ALL} == set(errors.IngestError.__subclasses__())


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_an_error_pickles_and_its_message_is_short(error: errors.IngestError) -> None:
    """It may come from another process, and repeats no more of a value than is needed to find it."""
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))
    assert len(str(error)) < 300
