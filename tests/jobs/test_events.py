"""How many epochs a stream sends, and what an event looks like."""

import pytest

from service.jobs.events import FULL_STREAM, default_stride, event


@pytest.mark.parametrize(
    ("epochs", "every"), [(1, 1), (FULL_STREAM, 1), (FULL_STREAM + 1, 2), (10 * FULL_STREAM, 10), (10**9, 10_000)]
)
def test_at_most_about_100_000_epochs_are_sent_by_default(epochs: int, every: int) -> None:
    """Every n-th, n = ceil(epochs / 100,000)."""
    assert default_stride(epochs) == every


def test_an_event_is_its_name_its_id_and_one_line_of_json() -> None:
    """No newline can be inside the data: JSON escapes it."""
    assert event("done", {"name": "a\nb"}, "end") == b'event: done\nid: end\ndata: {"name":"a\\nb"}\n\n'
    assert event("job", {}) == b"event: job\ndata: {}\n\n"
