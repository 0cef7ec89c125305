"""Arrow's decimals: the double that each reads as, or a refusal; never a nearest double in its place."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import decimal_cells
from service.ingest.errors import LossyDecimal

TYPES = pytest.mark.parametrize(
    ("of", "width"), [(pa.decimal32, 9), (pa.decimal64, 18), (pa.decimal128, 38), (pa.decimal256, 76)]
)
Of = Callable[[int, int], pa.DataType]


def stored(integers: list[int | None], type_: Any) -> Any:
    """Decimals by the integers that they are stored as, whatever the scale."""
    n_bytes = type_.bit_width // 8
    whole = b"".join((integer or 0).to_bytes(n_bytes, "little", signed=True) for integer in integers)
    validity = pa.array([integer is not None for integer in integers]).buffers()[1]
    return pa.Array.from_buffers(type_, len(integers), [validity, pa.py_buffer(whole)])


def read(values: Any) -> list[float | None]:
    found = decimal_cells.doubles(values, "x", 0).tolist()
    return [double if present else None for double, present in zip(found, values.is_valid().to_pylist(), strict=True)]


@TYPES
@given(data=st.data())
def test_a_decimal_of_15_digits_becomes_the_double_that_it_reads_as(of: Of, width: int, data: st.DataObject) -> None:
    """At any scale, with any number of zeros at its end, in every width: as Python reads it, to the bit."""
    scale = data.draw(st.integers(-100, 100))
    digits = data.draw(st.lists(st.integers(-(10 ** min(15, width)) + 1, 10 ** min(15, width) - 1), min_size=1, max_size=8))
    zeros = [data.draw(st.integers(0, width - len(str(abs(k))))) for k in digits]
    integers = [k * 10**n for k, n in zip(digits, zeros, strict=True)]

    found = read(stored([*integers, None], of(width, scale)))

    assert found == [*(float(f"{k}e{-scale}") for k in integers), None]


@given(k=st.integers(-(10**38) + 1, 10**38 - 1), scale=st.integers(0, 38))
def test_any_decimal_is_itself_again_or_refused(k: int, scale: int) -> None:
    """Itself: the shortest decimal of the double if that has up to 15 digits, else the double's exact value."""
    value = Decimal((int(k < 0), tuple(map(int, str(abs(k)))), -scale))
    try:
        double = read(stored([k], pa.decimal128(38, scale)))[0]
    except LossyDecimal as lossy:
        assert (lossy.row, lossy.column, lossy.value) == (0, "x", str(value))  # noqa: PT017
        return

    assert double is not None
    assert Decimal(repr(double)) == value or Decimal(double) == value


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0.1", True),
        ("123456789012.345", True),
        ("1.50000000000000000000000", True),
        ("0.000000000000000000000000000000000000", True),
        ("123456789012.3456", False),
        ("0.1000000000000001", False),
        ("9007199254740992", True),
        ("1700000000123457", True),
        ("9007199254740993", False),
        (str(2**60), True),
        (str(2**60 + 1), False),
        ("0.0000000000000000000000000000000000001", True),
        # exactly the double that 1e23 reads as, and so not what "decimal" would make of it
        ("99999999999999991611392", False),
        ("0.1000000000000000055511151231257827021181583404541015625", False),
    ],
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_more_digits_are_kept_only_in_what_is_exactly_a_double(text: str, kept: bool, sign: str) -> None:
    """Whole numbers for the most part, as with integers."""
    values = pa.array([Decimal(1), Decimal(sign + text)], pa.decimal256(76, max(0, -int(Decimal(text).as_tuple().exponent))))

    if kept:
        assert read(values) == [1.0, float(sign + text)]
    else:
        with pytest.raises(LossyDecimal) as caught:
            read(values)
        assert (caught.value.row, caught.value.column) == (1, "x")


def test_what_would_become_0_is_refused() -> None:
    """Types may have scales at which no double is left."""
    assert read(stored([0], pa.decimal128(38, 400))) == [0.0]
    with pytest.raises(LossyDecimal):
        read(stored([7], pa.decimal128(38, 400)))


def test_rows_are_counted_across_pieces_and_slices() -> None:
    """Nulls hold nothing, whatever is stored beneath them; a slice begins where it says."""
    many = [7] * (decimal_cells.ROWS + 5)
    whole = stored([*many, None, 10**17 + 1, 8], pa.decimal128(38, 1))

    assert read(whole.slice(3, len(many) - 2)) == [0.7] * (len(many) - 3) + [None]
    with pytest.raises(LossyDecimal) as caught:
        decimal_cells.doubles(whole.slice(2), "x", 100)
    assert caught.value.row == 100 + len(many) + 1 - 2
