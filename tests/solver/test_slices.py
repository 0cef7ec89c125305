"""Slices: a float64 matrix product in which nothing is rounded, and sums of them that never overflow."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.slicing.cascade import FEW_ROWS, Cascade
from service.solver.slicing.integers import binary_sums
from service.solver.slicing.scratch import Scratch
from service.solver.slicing.sliced_sums import SlicedSums
from service.solver.slicing.slices import LARGEST_SLICE, MOST_SLICES, ROWS, WIDTH, blas_is_exact, cut, panels
from service.solver.units import Sums
from tests.solver.exact_sums import values_of

Floats = NDArray[np.float64]


def sliced(n_columns: int, tolerated: float = 1.0, panel_rows: int = 512) -> SlicedSums:
    return SlicedSums(n_columns, tolerated, Scratch(), panel_rows)


def same(sums: Sums, expected: Sums) -> bool:
    return values_of(sums, 2) == values_of(expected, 2)


def blocks(seed: int, q: int, m: int, spread: float, bits: int) -> Floats:
    """(q, m) numbers of `bits` bits and of magnitudes some 2**spread apart, within 2**-498 .. 2**498, some 0."""
    state = np.random.default_rng(seed)
    values = np.round(state.normal(size=(q, m)) * 2.0**bits) * 2.0**-bits
    values *= 2.0 ** np.round(spread * state.normal(size=(q, m)).clip(-3, 3))
    values *= 2.0 ** state.integers(-200, 200, (q, 1))
    return values * (state.random((q, m)) < 0.9) * (state.random((q, 1)) < 0.9)


def test_the_blas_in_use_is_exact() -> None:
    """The service starts on this machine."""
    assert blas_is_exact()


def test_a_product_of_the_largest_slices_is_the_largest_exact_double() -> None:
    """Every product 2**42, every sum 2**53: the bound on the width is met with nothing to spare."""
    slices = np.full((3, ROWS), float(LARGEST_SLICE))

    assert (slices @ slices.T == 2.0**53).all()
    assert LARGEST_SLICE**2 * ROWS == 2**53


def test_with_slices_one_bit_wider_sums_are_rounded() -> None:
    """The width cannot be had wider: sums beyond 2**53 lose their last bit."""
    wider = 2 * LARGEST_SLICE
    integers = np.full((1, ROWS), wider)
    integers[0, -1] = 1

    exact = int((integers @ integers.T)[0, 0])
    rounded = int((integers.astype(np.float64) @ integers.T.astype(np.float64))[0, 0])

    assert exact > 2**53
    assert rounded != exact


@given(seed=st.integers(0, 10**6), bits=st.integers(1, 52), spread=st.floats(0, 20), n_slices=st.integers(0, MOST_SLICES))
def test_slices_are_small_integers_and_add_up_to_the_values(seed: int, bits: int, spread: float, n_slices: int) -> None:
    """Slice k is at most 2**21 units of 2**-(21 + 22 k), and slices and rest are the values, exactly."""
    block = blocks(seed, 3, 20, spread, bits)
    tops = np.frexp(np.abs(block).max(axis=1))[1].astype(np.intp)
    (panel,) = panels(np.full(3, n_slices, np.intp), tops, 512)

    slices, rest = cut(block, panel, Scratch(), "slices")

    assert (np.abs(slices * panel.weights[:, None]) <= LARGEST_SLICE).all()
    assert (slices * panel.weights[:, None] == np.rint(slices * panel.weights[:, None])).all()
    parts = [rest, *slices.reshape(n_slices, 3, 20)]
    for value, *pieces in zip((block * panel.scale).ravel().tolist(), *(part.ravel().tolist() for part in parts), strict=True):
        assert sum(map(Fraction, pieces)) == Fraction(value)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    q=st.integers(1, 7),
    m=st.integers(1, 60),
    bits=st.sampled_from([1, 10, 30, 52]),
    spread=st.sampled_from([0, 3, 30]),
    panel_rows=st.sampled_from([1, 5, 512]),
)
def test_sums_are_exact_for_the_rows_that_fit(seed: int, q: int, m: int, bits: int, spread: float, panel_rows: int) -> None:
    """What is summed and what is left make the whole, in one panel or in many."""
    whole = blocks(seed, q, 3 * m, spread, bits)
    sums = sliced(q, tolerated=1 / 8, panel_rows=panel_rows)

    odd = np.concatenate([sums.add(block) for block in np.split(whole, 3, axis=1)])

    assert same(sums.take(), binary_sums(whole[:, ~odd]))


def test_a_row_above_the_top_or_below_the_last_slice_is_odd() -> None:
    """A few rows that do not fit the alignment are left; they do not make the others slow."""
    block = np.ones((2, 100))
    sums = sliced(2, tolerated=1 / 8)
    assert not sums.add(block).any()

    block[0, 7], block[1, 93] = 3.0, 1 + 2.0**-52
    block[1, 5] = 2.0**-70

    assert np.flatnonzero(sums.add(block)).tolist() == [5, 7]


def test_when_many_rows_are_odd_the_alignment_is_chosen_anew() -> None:
    """Columns that grow, like a time, stay on the fast way."""
    sums = sliced(1, tolerated=1 / 8)
    grown = np.arange(1.0, 101.0)[None] * [[1e9]]

    odd = [sums.add(block).any() for block in (grown * 1e-9, grown, grown * 1e40, grown * 1e-60)]

    assert not any(odd)
    expected = np.concatenate([grown * 1e-9, grown, grown * 1e40, grown * 1e-60], axis=1)
    assert same(sums.take(), binary_sums(expected))


def test_columns_get_the_slices_they_need_and_zeros_none() -> None:
    """Small integers cost one slice, doubles three, a column of zeros nothing."""
    state = np.random.default_rng(0)
    sums = sliced(4)

    sums.add(np.stack([np.ones(64), np.zeros(64), state.normal(size=64), state.integers(0, 2**30, 64).astype(float)]))

    assert sums.n_slices == (1, 0, 3, 2)


@pytest.mark.parametrize("at_once", [1, 4, 10])
def test_worst_case_slices_over_more_blocks_than_a_carry_allows(at_once: int) -> None:
    """Each product of slices is as large as it can be, over more blocks than 64 bits could take without a carry.

    The slices of 1 - 2**-22 + 2**-44 are 1, -2**-22 and 2**-44, all the largest there are; on the middle digit three
    products fall, each 2**53 a block and all positive, so that 342 blocks overflow it.
    """
    extreme = 1 - 2.0**-22 + 2.0**-44
    worst = np.full((2, at_once * ROWS), extreme)
    worst[1] = -extreme
    (panel,) = panels(np.array([3, 3]), np.zeros(2, np.intp), 512)
    slices, _ = cut(worst, panel, Scratch(), "slices")
    assert (np.abs(slices * panel.weights[:, None]) == LARGEST_SLICE).all()
    n_blocks = 400
    assert n_blocks * 3 * 2**53 > 2**63
    sums = sliced(2)

    for _ in range(n_blocks // at_once):
        assert not sums.add(worst).any()

    square = Fraction(extreme) ** 2 * ROWS * n_blocks
    assert values_of(sums.take(), 2) == [[square, -square], [-square, square]]


@pytest.mark.parametrize("spread", [0, 4, 40, 90])
def test_the_cascade_is_exact_whatever_the_spread(spread: float) -> None:
    """Few slices, many, or Python's integers: which way a row goes does not show."""
    whole = blocks(1, 4, 5000, spread, 52)
    cascade = Cascade(4, Scratch())

    for start in range(0, 5000, 2500):
        cascade.add(whole[:, start : start + 2500])

    assert same(cascade.total(), binary_sums(whole))


def test_1e150_beside_1e_150_takes_bounded_slices() -> None:
    """No spread of magnitudes makes more slices than the limit; what they do not hold goes by integers."""
    sums = sliced(2, tolerated=0.0)
    block = np.ones((2, FEW_ROWS))
    block[1, ::2], block[1, 1::2] = 1e150, 1e-150

    odd = sums.add(block)

    assert max(sums.n_slices) <= MOST_SLICES
    assert np.flatnonzero(odd).tolist() == list(range(1, FEW_ROWS, 2))


def test_panels_share_out_all_columns_once() -> None:
    """Every column is in one panel, those with most slices first in it, and no panel is too high unless a column is."""
    n_slices = np.array([3, 1, 0, 12, 2, 2, 7, 0])

    shared = panels(n_slices, np.zeros(8, np.intp), 6)

    assert sorted(np.concatenate([panel.columns for panel in shared]).tolist()) == list(range(8))
    assert all(sum(panel.counts) <= 6 or len(panel.counts) > 6 for panel in shared)
    assert [sum(panel.counts) for panel in shared] == [4, 12, 4, 7, 0]
    assert all((np.diff(n_slices[panel.columns]) <= 0).all() for panel in shared)


def test_the_width_is_what_the_rows_allow() -> None:
    """Two slices of w - 1 bits and 11 bits of rows make 53."""
    assert 2 * (WIDTH - 1) + 11 == 53
