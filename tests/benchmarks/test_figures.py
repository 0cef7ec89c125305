"""Figures as they are shown, and what counts as met."""

import pytest

from benchmarks.figures import Bound, Unit, shown


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.3714, "s", "371 ms"), (12.04, "s", "12 s"), (4.2e-5, "s", "42 µs"), (9412.0, "/s", "9,410/s"), (972.4, "/s", "972/s"),
        (442e6, "B/s", "442 MB/s"), (178_300_000, "B", "178 MB"), (None, "s", "–"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_in_three_digits_with_its_unit(value: float | None, unit: Unit, text: str) -> None:
    """More digits than were measured are read as more than was measured."""
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("value", "unit", "is_met"),
    [(1.0, "s", True), (3.0, "s", False), (3.0, "/s", True), (1.0, "B/s", False), (None, "B", None)],
)
def test_a_bound_is_from_above_on_times_and_sizes_and_from_below_on_rates(
    value: float | None, unit: Unit, *, is_met: bool | None
) -> None:
    """What was not measured is not met, and not missed either."""
    assert Bound(what="it", value=value, unit=unit, limit=2.0, text="2").is_met is is_met
