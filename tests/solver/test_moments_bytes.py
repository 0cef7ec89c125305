"""Moments as bytes: whole, the same everywhere, and no larger than the values need."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.solver.moments import Moments
from service.solver.reading import Numbers

MOMENTS = Moments.of(np.array([[1.5, -2.0], [0.1, 1e20], [-3.0, 7.0]]), ["x", "größe"])


@given(
    rows=st.lists(st.tuples(st.floats(-1e150, 1e150).filter(lambda x: abs(x) > 1e-150), st.integers(-9, 9)), max_size=6),
    numbers=st.sampled_from(["float64", "decimal"]),
)
def test_bytes_give_the_moments_back(rows: list[tuple[float, int]], numbers: Numbers) -> None:
    """Names, reading, units and every bit of every sum."""
    block = np.array([[float(f"{x:.14e}"), k] for x, k in rows], np.float64).reshape(-1, 2)
    moments = Moments.of(block, ["x", "größe"], numbers)

    back = Moments.from_bytes(moments.to_bytes())

    assert (back.columns, back.numbers, back.units) == (moments.columns, moments.numbers, moments.units)
    assert back.sums == moments.sums


def test_the_form_does_not_change() -> None:
    """Bytes written today are read by every later version: this is the form, spelt out."""
    moments = Moments.of(np.array([[2.0], [-3.0]]), ["x"])

    head = b"LFMOM1\r\n\x15\x00\x00\x00\x01\x00\x00\x00"
    assert moments.to_bytes() == head + b'[["x"],"float64",[0]]' + b"\x02\xff\x0d"


def test_bytes_give_weighted_moments_back() -> None:
    """The number of rows that count and the weights' unit come after the columns' units; the rest is as without weights."""
    weighted = replace(MOMENTS, weighted_rows=2, weight_unit=7)

    back = Moments.from_bytes(weighted.to_bytes())

    assert (back.columns, back.units, back.weighted_rows, back.weight_unit) == (MOMENTS.columns, MOMENTS.units, 2, 7)
    assert back.sums == MOMENTS.sums
    assert back.digest() == weighted.digest() != MOMENTS.digest()


@pytest.mark.parametrize("weights", [(-1, 0), (2, 10**9)], ids=["a negative number of rows", "a unit that none have"])
def test_weights_that_cannot_be_are_refused(weights: tuple[int, int]) -> None:
    """As of the columns, so of the weights."""
    weighted = replace(MOMENTS, weighted_rows=weights[0], weight_unit=weights[1])

    with pytest.raises(ValueError, match="moments"):
        Moments.from_bytes(weighted.to_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b[:0],
        lambda b: b[:10],
        lambda b: b[:-1],
        lambda b: b + b"\0",
        lambda b: b"X" + b[1:],
        lambda b: b.replace(b"\r\n", b"\n"),
        lambda b: b.replace(b"float64", b"float32"),
        lambda b: b.replace(b'"x"', b" 12"),
        lambda b: b.replace(b'"x",', b"    "),
        lambda b: b[:16] + b"[" * 20 + b[36:],
        lambda b: b[:12] + b"\0\0\0\0" + b[16:],
        lambda b: b[:8] + b"\xff\xff\xff\xff" + b[12:],
    ],
)
def test_bytes_that_are_not_moments_are_refused(damage: Callable[[bytes], bytes]) -> None:
    """Cut, lengthened, rewritten or of another kind: an error, never other moments."""
    with pytest.raises(ValueError, match="moments"):
        Moments.from_bytes(damage(MOMENTS.to_bytes()))


def test_a_unit_that_no_numbers_have_is_refused() -> None:
    """A few bytes cannot ask for integers of a billion bits."""
    far = Moments(("x",), "float64", (10**9,), Moments.empty(["x"]).sums)

    with pytest.raises(ValueError, match="moments"):
        Moments.from_bytes(far.to_bytes())


def test_1e150_beside_1e_150_takes_bounded_bytes() -> None:
    """The worst spread there is: a sum of squares of some 2,100 bits, and so 270 bytes an entry, and no more."""
    moments = Moments.of(np.array([[1e150], [1e-150]] * 50), ["x"])

    assert len(moments.to_bytes()) < 100 + 3 * 275
