"""Figures in tables: to so many digits, their points above each other, and names that are cut where they say least."""

import pytest

from service.web.figures import LONGEST, aligned, cut, number, probability, t_value, width


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-17.57909489051095, "-17.5791"),
        (0.5, "0.500000"),
        (48, "48"),
        (123456.7, "123457"),
        (1e300, "1.00000e+300"),
        (None, "NA"),
    ],
)
def test_numbers_have_six_digits(value: float | None, shown: str) -> None:
    """Zeros at the end say that they are known; integers are whole; what does not exist is NA."""
    assert number(value) == shown


def test_small_probabilities_are_no_thresholds() -> None:
    """A p-value of 1e-300 is shown as one, and not as below something."""
    assert [probability(p) for p in (1.49e-12, 0.0123189, 1.0, 1e-300, None)] == ["1.49e-12", "0.0123", "1", "1e-300", "NA"]
    assert [t_value(t) for t in (-2.601058, 1e7, None)] == ["-2.601", "1.000e+07", "NA"]


def test_points_stand_above_each_other() -> None:
    """A column is read down its points, exponents and lacking figures included."""
    cells = aligned(["-17.5791", "3.93241", "1e-12", "48", "NA"])

    assert cells == ["-17.5791 ", "  3.93241", "  1e-12  ", " 48      ", " NA      "]
    assert aligned([]) == []


def test_long_names_lose_their_middle_and_are_marked() -> None:
    """What is told apart at both ends still is: powers and categories are at the end."""
    long = "temperature of the third reactor in kelvin=above 300"
    (shown,) = cut([long])

    assert shown == "temperature of …elvin=above 300"
    assert width(shown) <= LONGEST
    assert cut(["a" * 40, "b" + "a" * 39, "x"])[2] == "x"


def test_names_that_would_be_cut_to_the_same_stay_whole() -> None:
    """Two rows of a table are never called alike."""
    names = ["a" * 20 + middle + "b" * 20 for middle in "xy"]

    assert cut(names) == names


def test_letters_take_the_room_that_terminals_give_them() -> None:
    """Two columns for letters of East Asia, none for marks."""
    assert [width(text) for text in ("price", "価格", "e\u0301", "")] == [5, 4, 1, 0]
    assert width(cut(["価" * 40])[0]) <= LONGEST
