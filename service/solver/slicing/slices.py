"""A block of numbers cut into slices so short that the ordinary float64 matrix product of slices is exact.

Each column is scaled so that its values lie within -1 .. 1, and slice k is what rounding to a multiple of
unit_k = 2**-(21 + 22 k) takes: an integer of at most 2**21 in that unit. A product of two slices is at most 2**42, a sum
over 2**11 rows at most 2**53, and every integer up to 2**53 is a double: whatever order, blocking or number of threads the
BLAS chooses, nothing is ever rounded. With slices one bit wider a sum can pass 2**53 and is.

Sources: Ozaki, Ogita, Oishi & Rump, Error-free transformations of matrix multiplication by using fast routines of matrix
multiplication and its applications, Numerical Algorithms 59 (2012); Demmel & Nguyen, Parallel Reproducible Summation, IEEE
Transactions on Computers 64 (2015), for the slices and the carries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import shake_128
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.solver.slicing.scratch import Scratch

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS_BITS = 11
ROWS = 1 << ROWS_BITS
WIDTH = (55 - ROWS_BITS) // 2
LARGEST_SLICE = 1 << (WIDTH - 1)
MOST_SLICES = 12
# Adding and subtracting 1.5 * 2**52 units rounds to whole units: between 2**52 and 2**53 units, doubles are whole units.
ROUNDERS = tuple(1.5 * 2.0 ** (52 - (WIDTH - 1) - WIDTH * k) for k in range(MOST_SLICES))


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Some columns of the block, those with most slices first, so that the columns with a slice k are the first ones."""

    columns: NDArray[np.intp]  # (c,) places in the block
    scale: Floats  # (c, 1) powers of two that bring each column within -1 .. 1
    counts: tuple[int, ...]  # counts[k]: how many columns have a slice k
    weights: Floats  # (sum(counts),) 1 / unit_k of each row of slices
    runs: tuple[tuple[slice, slice], ...]  # columns that follow each other in the block: where there, where here
    is_cut: bool = False  # the block is its slices, unscaled: whole numbers of at most 2**21


def panels(n_slices: NDArray[np.intp], tops: NDArray[np.intp], most_rows: int, *, are_whole: bool = False) -> list[Panel]:
    """Share out the columns, in order, among panels of at most `most_rows` rows of slices (but at least a column each).

    Args: n_slices: (q,) slices a column. tops: (q,) with abs(column) <= 2**top. are_whole: all values are whole numbers.
    """
    shared: list[Panel] = []
    start, rows = 0, 0
    for stop, more in enumerate([*n_slices.tolist(), most_rows + 1]):
        if rows + more > most_rows and (stop > start):
            columns = start + np.argsort(-n_slices[start:stop], kind="stable")
            counts = tuple(int((n_slices[columns] > k).sum()) for k in range(n_slices[columns[0]]))
            units = np.repeat(np.arange(len(counts)), counts)
            scale = np.ldexp(1.0, -tops[columns])[:, None]
            weights = np.ldexp(1.0, WIDTH - 1 + WIDTH * units)
            shared.append(Panel(columns, scale, counts, weights, _runs(columns.tolist())))
            start, rows = stop, 0
        rows += more
    if are_whole and len(shared) == 1 and (n_slices == 1).all() and (tops == WIDTH - 1).all():
        return [replace(shared[0], weights=np.ones(len(n_slices)), is_cut=True)]
    return shared


def _runs(columns: list[int]) -> tuple[tuple[slice, slice], ...]:
    ends = [i for i in range(1, len(columns)) if columns[i] != columns[i - 1] + 1]
    bounds = pairwise([0, *ends, len(columns)])
    return tuple((slice(columns[a], columns[b - 1] + 1), slice(a, b)) for a, b in bounds if a < b)


def cut(block: Floats, panel: Panel, scratch: Scratch, name: str) -> tuple[Floats, Floats]:
    """The slices of a panel's columns, and what they leave.

    Args: block: (q, m), each column within its top. Nothing here is subnormal: values are at least 1e-150,
          tops at most 2**499, so a scaled value is at least 1e-301. name: of the scratch array for the slices.
    Returns: (sum(counts), m), slice by slice, column by column; the rests (c, m), scaled: 0 where the slices are all.
    """
    if panel.is_cut:
        return block, block[:0]
    rest = scratch.floats("rest", len(panel.columns), block.shape[1])
    for there, here in panel.runs:
        np.multiply(block[there], panel.scale[here], out=rest[here])
    slices = scratch.floats(name, len(panel.weights), block.shape[1])
    start = 0
    for count, rounder in zip(panel.counts, ROUNDERS, strict=False):
        part = slices[start : start + count]
        np.add(rest[:count], rounder, out=part)
        part -= rounder
        rest[:count] -= part
        start += count
    return slices, rest


def add_products(sums: Integers, left: Floats, right: Floats, panel: Panel, other: Panel) -> None:
    """Add left @ right.T to `sums`, (digits, c, c'), the products of slices k and l to the digit of weight unit_k * unit_l.

    numpy sees left @ left.T and computes half of it. At most min(K, K') products of at most 2**53 fall on a digit.
    """
    integers = np.zeros((len(left), len(right)), np.int64)
    for a, b in zip(in_blocks(left), in_blocks(right), strict=True):
        products = a @ b.transpose(0, 2, 1)
        products *= panel.weights[:, None]
        products *= other.weights
        integers += products.astype(np.int64).sum(axis=0)
    row = 0
    for k, height in enumerate(panel.counts):
        column = 0
        for j, width in enumerate(other.counts):
            sums[k + j, :height, :width] += integers[row : row + height, column : column + width]
            column += width
        row += height


def in_blocks(slices: Floats) -> list[Floats]:
    """The slices (r, m) as stacks (blocks, r, rows) of blocks of 2**11 rows and, if need be, one of the rest."""
    rows, m = slices.shape
    whole = m - m % ROWS
    stacks = [slices[:, :whole].reshape(rows, whole // ROWS, ROWS).transpose(1, 0, 2), slices[None, :, whole:]]
    return [stack for stack in stacks if stack.shape[0] and stack.shape[2]]


def blas_is_exact() -> bool:
    """Whether the BLAS multiplies slices exactly, tried on the largest there are: an app must not start on one that rounds.

    Sums come near 2**53 with low bits set, so that any rounding or reduced precision shows. What they must be follows from the
    bits that each two rows have in common, which are counted. numpy's integer product took three times as long, and its random
    numbers, which a start needs for nothing else, are 16 ms and 2.5 MB to import.
    """
    for rows in (3, 67, 128):
        packed = np.frombuffer(shake_128(b"slices").digest(rows * ROWS // 8), np.uint8).reshape(rows, -1)
        bits, signs = np.unpackbits(packed, axis=1), 1 - 2 * (packed[:, :1] & 1).astype(np.int64)
        ones = bits.sum(axis=1, dtype=np.int64)
        common = np.array([np.bitwise_count(row & packed).sum(axis=1, dtype=np.int64) for row in packed])
        expected = signs * signs.T * (LARGEST_SLICE**2 * ROWS - LARGEST_SLICE * (ones[:, None] + ones) + common)
        slices = (LARGEST_SLICE - bits.astype(np.float64)) * signs
        products: Sequence[Floats] = (slices @ slices.T, slices @ slices.copy().T, slices[: rows // 2] @ slices.T)
        if not all(np.array_equal(product.astype(np.int64), expected[: len(product)]) for product in products):
            return False
    return True
