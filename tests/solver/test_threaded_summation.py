"""ThreadedSummation: several threads, the same values and the same errors as one."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from service.solver.errors import BadWeight, NotFinite, OutOfRange, TooManyDigits
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation
from service.solver.terms import Term
from service.solver.threaded_summation import AT_ONCE, ThreadedSummation
from service.solver.threads import n_threads, use_threads
from tests.solver.exact_sums import names

Floats = NDArray[np.float64]
NORMAL = np.random.default_rng(0).normal(size=(5 * AT_ONCE // 4 + 77, 4))  # five pieces and a bit


@pytest.fixture(params=[1, 2, 3], ids=["one thread", "two threads", "three threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = n_threads()
    use_threads(request.param)
    yield
    use_threads(before)


def given(
    summation: ThreadedSummation, blocks: list[Floats], row_of: Callable[[int], Callable[[int], int]] | None = None
) -> Moments:
    for place, block in enumerate(blocks):
        summation.add(block, row_of and row_of(place))
    return summation.result()


def summed(blocks: list[Floats], numbers: Numbers = "float64") -> Moments:
    return given(ThreadedSummation(lambda: Summation(names(4), numbers)), blocks)


def alone(rows: Floats, numbers: Numbers = "float64") -> Moments:
    summation = Summation(names(4), numbers)
    summation.add(rows)
    return summation.result()


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("numbers", ["float64", "decimal"])
@pytest.mark.parametrize(
    "cuts", [(), (1, 2, 3), (150_000, 400_000), tuple(range(0, 600_000, 7000))], ids=["whole", "rows", "thirds", "many"]
)
def test_neither_threads_nor_cuts_change_a_value(cuts: tuple[int, ...], numbers: Numbers) -> None:
    """Blocks larger than a piece are parted, smaller ones joined, and lanes add up to the moments of one thread."""
    rows = np.round(NORMAL * [1.0, 1e3, 1.0, 1e9], 3)

    assert summed(np.split(rows, cuts), numbers).digest() == alone(rows, numbers).digest()


@pytest.mark.usefixtures("threads")
def test_rows_may_be_added_after_a_result() -> None:
    """As with one thread: a result is a value of its own."""
    summation = ThreadedSummation(lambda: Summation(names(4)))
    assert summation.result().digest() == Moments.empty(names(4)).digest()

    summation.add(NORMAL[:300_000])
    first = summation.result()
    summation.add(NORMAL[300_000:])

    assert first.digest() == alone(NORMAL[:300_000]).digest()
    assert summation.result().digest() == alone(NORMAL).digest()
    assert summation.n_samples == len(NORMAL)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("value", "numbers", "error"),
    [(np.nan, "float64", NotFinite), (1e-160, "float64", OutOfRange), (1 / 3, "decimal", TooManyDigits)],
)
@pytest.mark.parametrize("row", [0, 131_072, 400_000, len(NORMAL) - 1])
def test_of_several_wrong_rows_the_first_is_named(
    row: int, value: float, numbers: Numbers, error: type[NotFinite | OutOfRange | TooManyDigits]
) -> None:
    """Whichever thread met one first."""
    rows = np.round(NORMAL, 3)
    rows[row, 2] = value
    rows[row + 9_000 :, 1] = np.inf

    with pytest.raises(error) as caught:
        summed(np.array_split(rows, 9), numbers)

    assert (caught.value.row, caught.value.column) == (row, "x3")


@pytest.mark.usefixtures("threads")
def test_rows_of_which_some_were_left_out_are_named_as_they_stood() -> None:
    """A fit that drops every second row says where the wrong one stands among all."""
    rows = NORMAL.copy()
    rows[400_001, 0] = np.nan
    blocks = [rows[first : first + 9_000][1::2] for first in range(0, len(rows), 9_000)]

    def place(block: int) -> Callable[[int], int]:
        return lambda row: block * 9_000 + 1 + 2 * row

    with pytest.raises(NotFinite) as caught:
        given(ThreadedSummation(lambda: Summation(names(4))), blocks, place)

    assert caught.value.row == 400_001


@pytest.mark.usefixtures("threads")
def test_weighted_terms_are_summed_up_as_in_one_thread() -> None:
    """Products of columns and weights, and a weight that cannot be one."""
    rows = np.abs(np.round(NORMAL[:, :3], 2))
    made = [Term("x1", ((0, 1),)), Term("x1^2", ((0, 2),))]

    def empty() -> TermSummation:
        return TermSummation(["x1"], made, "y", "decimal", "w")

    one, several = empty(), ThreadedSummation(empty)
    one.add(rows)
    several.add(rows)
    assert several.result().digest() == one.result().digest()

    rows[500_000, 2] = -1.0
    with pytest.raises(BadWeight) as caught:
        given(ThreadedSummation(empty), [rows])
    assert caught.value.row == 500_000
