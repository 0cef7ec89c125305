"""Running sums: the rows between any two places, exactly, from one subtraction."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.solver.blocks import BLOCK_ROWS
from service.solver.moments import Moments
from service.solver.reading import Numbers
from service.solver.running_sums import ENTRY_BYTES, MOST_BYTES, MOST_PLACES, Places, RunningSums
from service.solver.summation import Summation
from service.solver.term_summation import TermSummation
from service.solver.terms import Term

COLUMNS = ["x", "y"]
PLACES = Places(first=0, n_rows=10, step=4)


def running(rows: NDArray[np.float64], places: Places, numbers: Numbers = "float64") -> RunningSums:
    """Of rows (n, 2)."""
    edges = [places.row(i) for i in range(places.n_steps + 1)]
    return RunningSums.of([Moments.of(rows[a:b], COLUMNS, numbers) for a, b in pairwise(edges)], places)


def test_places_are_the_steps_and_the_end() -> None:
    """A whole file is between two places, though its last step is short."""
    assert [PLACES.row(i) for i in range(PLACES.n_steps + 1)] == [0, 4, 8, 10]
    assert [PLACES.nearest(row) for row in range(11)] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3]
    assert [Places(4, 10, 4).nearest(row) for row in (0, 4, 6, 7, 10)] == [0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("first_row", "n_rows", "n_columns", "places"),
    [
        (0, 1, 1, Places(0, 1, BLOCK_ROWS)),
        (5, 1_050_000, 10, Places(BLOCK_ROWS, 1_050_000, BLOCK_ROWS)),
        (1_050_000, 1_050_000, 10, Places(1_050_000, 1_050_000, BLOCK_ROWS)),
    ],
)
def test_places_are_multiples_of_a_block_from_the_first_row_on(
    first_row: int, n_rows: int, n_columns: int, places: Places
) -> None:
    """Rows that have left need not be read again."""
    assert Places.of(first_row, n_rows, n_columns) == places


@given(n_rows=st.integers(1, 10**12), n_columns=st.integers(1, 2000))
@settings(max_examples=50)
def test_running_sums_have_a_bound(n_rows: int, n_columns: int) -> None:
    """In places and in bytes, whatever the size of the file; steps are longer then."""
    places = Places.of(0, n_rows, n_columns)

    entries = (1 + n_columns) * (2 + n_columns) // 2
    assert places.n_steps + 1 <= MOST_PLACES + 1
    assert places.n_steps == 1 or (places.n_steps + 1) * entries * ENTRY_BYTES <= MOST_BYTES
    assert places.step % BLOCK_ROWS == 0


def test_places_have_those_of_fewer_rows() -> None:
    """Sums made before the first rows left serve those that are still there, and no others."""
    assert PLACES.have(Places(4, 10, 4))
    assert not Places(4, 10, 4).have(PLACES)
    assert not PLACES.have(Places(0, 10, 8))


columns_of = st.sampled_from([
    st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-9),
    st.integers(-(10**6), 10**6).map(lambda k: k / 100),
    st.integers(-3, 3).map(float),
    st.just(0.0),
])  # fmt: skip


@given(data=st.data(), numbers=st.sampled_from(["float64", "decimal"]))
@settings(max_examples=60)
def test_between_two_places_are_the_moments_of_those_rows(data: st.DataObject, numbers: Numbers) -> None:
    """To the bit, in either reading, whatever the magnitudes and signs, before and after a round trip through bytes."""
    columns = [data.draw(st.lists(data.draw(columns_of), min_size=10, max_size=10)) for _ in COLUMNS]
    rows = np.array(columns).T
    if numbers == "decimal":
        rows = np.array([float(f"{x:.14e}") for x in rows.ravel()]).reshape(rows.shape)

    sums = running(rows, PLACES, numbers)

    back = RunningSums.from_bytes(sums.to_bytes())
    for a, b in [(0, 0), (0, 4), (0, 10), (4, 8), (4, 10), (8, 10), (10, 10)]:
        expected = Moments.of(rows[a:b], COLUMNS, numbers).digest()
        assert sums.between(a, b).digest() == back.between(a, b).digest() == expected


def test_the_first_place_may_be_further_down() -> None:
    """The sums are over the rows from there on."""
    rows = np.arange(20.0).reshape(10, 2) / 8

    sums = running(rows, Places(4, 10, 4))

    assert sums.between(4, 8).digest() == Moments.of(rows[4:8], COLUMNS).digest()
    assert sums.between(8, 10).digest() == Moments.of(rows[8:10], COLUMNS).digest()


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, 8), (8, 4), (0, 12), (-4, 4), (9, 9)])
def test_rows_that_are_not_between_places_are_refused(start: int, stop: int) -> None:
    """Never the sums of other rows."""
    sums = running(np.ones((10, 2)), PLACES)

    with pytest.raises(ValueError, match="have no rows"):
        sums.between(start, stop)


def test_steps_without_a_row_that_counts_are_nothing() -> None:
    """Where rows with missing cells are left out, a whole step may be empty: the first, or all."""
    rows = np.array([[0.1, 7.0], [1e20, -3.0]])
    empty, some = Moments.empty(COLUMNS), Moments.of(rows, COLUMNS)

    sums = RunningSums.of([empty, some, empty], PLACES)

    assert sums.between(0, 10).digest() == sums.between(4, 8).digest() == some.digest()
    assert sums.between(0, 4).digest() == sums.between(8, 10).digest() == empty.digest()
    assert RunningSums.of([empty] * 3, PLACES).between(0, 10).digest() == empty.digest()


@given(data=st.data(), numbers=st.sampled_from(["float64", "decimal"]))
@settings(max_examples=20)
def test_weights_are_taken_apart_like_rows(data: st.DataObject, numbers: Numbers) -> None:
    """The number of rows that count, and the sums in the weights' own unit, which may be finer in one step than another."""
    cells = st.integers(-100, 100).map(lambda k: k / 8)
    weights = st.sampled_from([0.0, 1.0, 0.25, 1e6, 1e-9])
    rows = np.array(data.draw(st.lists(st.tuples(cells, cells, weights), min_size=10, max_size=10)))

    sums = RunningSums.of([weighted(rows[a:b], numbers) for a, b in [(0, 4), (4, 8), (8, 10)]], PLACES)

    back = RunningSums.from_bytes(sums.to_bytes())
    for a, b in [(0, 4), (4, 8), (4, 10), (0, 10), (4, 4)]:
        expected = weighted(rows[a:b], numbers)
        assert sums.between(a, b).digest() == back.between(a, b).digest() == expected.digest()
        assert sums.between(a, b).n_samples == expected.n_samples


def weighted(rows: NDArray[np.float64], numbers: Numbers) -> Moments:
    """Of x, y and weights, (n, 3)."""
    summation = TermSummation(["x"], [Term("x", ((0, 1),))], "y", numbers, "w")
    summation.add(rows)
    return summation.result()


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:0], lambda b: b[:10], lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"X" + b[1:], lambda b: b[12:]],
)
def test_bytes_that_are_not_running_sums_are_refused(damage: Callable[[bytes], bytes]) -> None:
    """Cut, lengthened or of another kind: an error, never other sums."""
    data = running(np.ones((10, 2)), PLACES).to_bytes()

    with pytest.raises(ValueError, match=r"running sums|JSON|Expecting"):
        RunningSums.from_bytes(damage(data))


def test_an_entry_takes_the_bytes_that_it_needs() -> None:
    """A column of small integers beside one of doubles is short: the sums of 40 places of 4 rows in 16 bytes a place."""
    rows = np.random.default_rng(0).integers(-9, 9, (160, 2)).astype(float)
    places = Places(0, 160, 4)
    summation = Summation(COLUMNS)
    summation.add(rows)

    sums = running(rows, places)

    assert len(sums.data) < 16 * 41
    assert sums.between(0, 160).digest() == summation.result().digest()
