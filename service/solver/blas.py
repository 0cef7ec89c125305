"""BLAS on one thread: blocks go to a few threads of ours, and more would only contend.

An environment variable set once numpy is loaded does nothing, hence the call. scipy brings a BLAS of its own, but what is used of
it multiplies no matrices.
"""

import numpy  # noqa: F401 (a BLAS must be loaded to be limited)
from threadpoolctl import threadpool_limits


def one_thread() -> None:
    """Limit every BLAS of this process to one thread, for good."""
    threadpool_limits(1)
