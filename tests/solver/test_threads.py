"""The threads that sum up rows."""

import os
import sys

import pytest

from service.solver.threads import in_thread


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_threads_that_sum_up_rows_give_way_to_those_that_answer() -> None:
    """They alone: the process is as it was."""
    before = os.nice(0)

    assert in_thread(os.nice, 0).result() == min(before + 10, 19)
    assert os.nice(0) == before
