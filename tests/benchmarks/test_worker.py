"""Calls into a process of another environment."""

import sys
from pathlib import Path

import pytest

from benchmarks.worker import CallFailed, Worker


def test_a_worker_answers_what_is_called_and_says_what_went_wrong() -> None:
    """An error in a peer's process is read where it is waited for, and the next call is answered all the same."""
    with Worker(Path(sys.executable)) as worker:
        assert worker.call("math:hypot", 3.0, 4.0) == 5.0
        with pytest.raises(CallFailed, match="ZeroDivisionError"):
            worker.call("operator:truediv", 1, 0)
        assert worker.call("operator:add", [1], [2]) == [1, 2]
