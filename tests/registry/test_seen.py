"""Where the rows of a fit lay: a row outside is told from one within, alone or among others."""

import numpy as np

from service.registry.seen import Seen
from service.solver.terms import Base

BASES = [Base("a"), Base("b"), Base("city=Ulm", "city")]
ROWS = np.array([[0.0, 5.0, 1.0], [1.0, 9.0, 0.0], [-0.5, 7.0, 0.0], [0.5, 9.5, 1.0], [1.5, 4.0, 0.0]])


def test_rows_on_the_edge_are_within() -> None:
    """A column below its least or above its largest is outside, categories never; one row is judged as many are."""
    seen = Seen.of({"a": [0.0, 1.0], "b": [5.0, 9.0]}, BASES)

    assert seen.outside(ROWS).tolist() == [False, False, True, True, True]
    assert [not seen.has(row) for row in ROWS.tolist()] == [False, False, True, True, True]
    assert seen.is_whole


def test_what_is_not_known_is_never_outside() -> None:
    """A model of moments, or one of before ranges were kept, knows nothing; one that knows some of its features says so."""
    nothing, some = Seen.of(None, BASES), Seen.of({"b": [5.0, 9.0]}, BASES)

    assert not nothing.outside(ROWS).any()
    assert not nothing.is_whole
    assert some.outside(ROWS).tolist() == [False, False, False, True, True]
    assert not some.is_whole
