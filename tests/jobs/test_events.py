"""Which epochs a stream sends, and in what pieces: every client of a job must be cut the same pieces to share them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.jobs.events import FULL_STREAM, PIECE, Stride, default_stride, event


@pytest.mark.parametrize(
    ("epochs", "every"), [(1, 1), (FULL_STREAM, 1), (FULL_STREAM + 1, 2), (10 * FULL_STREAM, 10), (10**9, 10_000)]
)
def test_at_most_about_100_000_epochs_are_sent_by_default(epochs: int, every: int) -> None:
    """Every n-th, n = ceil(epochs / 100,000)."""
    assert default_stride(epochs) == every


@given(every=st.integers(1, 10**6), after=st.integers(-1, 10**9))
def test_the_next_epoch_is_the_first_multiple_after(every: int, after: int) -> None:
    """Whatever was seen last, an epoch between two multiples too."""
    following = Stride(every).next_after(after)

    assert following > after
    assert following % every == 0
    assert following - every <= after


@given(every=st.integers(1, 1000), epoch=st.integers(0, 10**7))
def test_pieces_are_at_fixed_places(every: int, epoch: int) -> None:
    """Wherever a client comes in, the piece ends at the same epoch: of 500 events, all of whose epochs say that end."""
    stride = Stride(every)
    at = epoch * every

    end = stride.piece_end(at)

    assert end >= at
    assert (end // every + 1) % PIECE == 0
    assert stride.piece_end(end) == end
    assert stride.piece_end(max(end - (PIECE - 1) * every, 0)) == end


def test_an_event_is_its_name_its_id_and_one_line_of_json() -> None:
    """No newline can be inside the data: JSON escapes it."""
    assert event("done", {"name": "a\nb"}, "end") == b'event: done\nid: end\ndata: {"name":"a\\nb"}\n\n'
    assert event("job", {}) == b"event: job\ndata: {}\n\n"
