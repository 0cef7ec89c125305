"""Where ball arithmetic runs: short solves in the calling thread, long ones in worker processes.

FLINT holds the interpreter's lock and cannot be interrupted, so a long solve in this process would stall every request.
A worker gets the moments as bytes; cancelling ends the worker, and the pool starts another.
"""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from threading import Lock
from typing import Any, Literal, TypeVar

from pebble import ProcessFuture, ProcessPool

from service.solver.blas import one_thread
from service.solver.descent import Trajectory, trajectory
from service.solver.least_squares import LeastSquares, least_squares
from service.solver.moments import Moments

SHORT_SOLVE = 24  # columns: under 5 ms
SHORT_DESCENT = 12  # columns: eigenvectors cost more

Result = TypeVar("Result")


class Cancelled(Exception):
    """The job was cancelled while it was being worked at."""


class Solver:
    """Solves for jobs, known by their ids so that they can be cancelled."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPool | None = None
        self._under_way: dict[str, ProcessFuture[Any]] = {}
        self._lock = Lock()

    def least_squares(self, moments: Moments, columns: Sequence[str], fit_intercept: bool, for_: str) -> LeastSquares:
        """The fit of the last of `columns` on the others. Raises: Cancelled, and as the solver."""
        *features, target = columns
        if len(features) <= SHORT_SOLVE:
            return least_squares(moments, target, features, fit_intercept)
        return self._in_worker(for_, _least_squares, moments.select(columns).to_bytes(), fit_intercept)

    def trajectory(
        self, moments: Moments, columns: Sequence[str], fit_intercept: bool, learning_rate: float | Literal["auto"], for_: str
    ) -> Trajectory:
        """The descent of the last of `columns` on the others. Raises: Cancelled, and as the solver."""
        *features, target = columns
        if len(features) <= SHORT_DESCENT:
            return trajectory(moments, target, features, fit_intercept, learning_rate)
        return self._in_worker(for_, _trajectory, moments.select(columns).to_bytes(), fit_intercept, learning_rate)

    def cancel(self, job_id: str) -> None:
        """Drop the job's solve, if one is under way: its worker is ended and replaced."""
        with self._lock:
            future = self._under_way.get(job_id)
        if future is not None:
            future.cancel()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End the workers, whatever they do."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _in_worker(self, job_id: str, function: Callable[..., Result], *args: object) -> Result:
        with self._lock:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(self._processes, initializer=one_thread, context=context)
            future: ProcessFuture[Result] = self._pool.schedule(function, args=args)
            self._under_way[job_id] = future
        try:
            result: Result = future.result()
        except CancelledError:
            raise Cancelled from None
        finally:
            with self._lock:
                del self._under_way[job_id]
        return result


def _least_squares(moments: bytes, fit_intercept: bool) -> LeastSquares:
    summed = Moments.from_bytes(moments)
    *features, target = summed.columns
    return least_squares(summed, target, features, fit_intercept)


def _trajectory(moments: bytes, fit_intercept: bool, learning_rate: float | Literal["auto"]) -> Trajectory:
    summed = Moments.from_bytes(moments)
    *features, target = summed.columns
    return trajectory(summed, target, features, fit_intercept, learning_rate)
