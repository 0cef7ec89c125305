"""Where ball arithmetic runs: short solves in the calling thread, long ones in worker processes.

FLINT holds the interpreter's lock and cannot be interrupted, so a long solve in this process would stall every request.
A worker gets the moments as bytes; cancelling ends the worker, and the pool starts another.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from service.jobs.state import JobError
from service.solver.blas import one_thread
from service.solver.descent import Trajectory, trajectory
from service.solver.least_squares import LeastSquares, RankPolicy, least_squares
from service.solver.leverage import Spread, spread
from service.solver.moments import Moments
from service.solver.terms import Terms

SHORT_SOLVE = 24  # columns: under 5 ms
SHORT_DESCENT = 12  # columns: eigenvectors cost more
PR_SET_PDEATHSIG = 1  # linux/prctl.h
TRIES = 2

Result = TypeVar("Result")


class Cancelled(Exception):
    """The job was cancelled while it was being worked at."""


class WorkerLost(JobError):
    """The worker process that solved this was ended from outside, twice: it may need more memory than there is."""


@dataclass(frozen=True, slots=True)
class HowToSolve:
    """The options of a closed-form fit."""

    fit_intercept: bool
    l2: float
    rank_deficient: RankPolicy
    terms: Terms | None  # what the features are made of, if not of themselves
    scales: tuple[int, ...] = ()  # what coefficients are multiplied by to be read

    def solve(self, moments: Moments) -> LeastSquares:
        """Raises: as the solver."""
        *features, target = moments.columns
        return least_squares(
            moments, target, features, self.fit_intercept, l2=self.l2, rank_deficient=self.rank_deficient, terms=self.terms,
            scales=self.scales,
        )  # fmt: skip


def is_short(moments: Moments, n_features: int = SHORT_SOLVE) -> bool:
    """Whether a fit of these moments is solved in the thread that asks."""
    return len(moments.columns) - 1 <= n_features


class Solver:
    """Solves for jobs, known by their ids so that they can be cancelled."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPool | None = None
        self._under_way: dict[ProcessFuture[Any], str] = {}  # a job may have several: clients that look at its path
        self._unwanted: set[str] = set()  # jobs that were cancelled, and may be about to ask for a solve
        self._is_closed = False
        self._lock = Lock()

    def least_squares(self, moments: Moments, how: "HowToSolve", for_: str) -> LeastSquares:
        """The fit of the moments' last column on the others. Raises: Cancelled, and as the solver."""
        if is_short(moments):
            return how.solve(moments)
        return self._in_worker(for_, _least_squares, moments.to_bytes(), how)

    def trajectory(
        self, moments: Moments, fit_intercept: bool, learning_rate: float | Literal["auto"], for_: str
    ) -> Trajectory:
        """The descent of the moments' last column on the others. Raises: Cancelled, and as the solver."""
        *features, target = moments.columns
        if is_short(moments, SHORT_DESCENT):
            return trajectory(moments, target, features, fit_intercept, learning_rate)
        return self._in_worker(for_, _trajectory, moments.to_bytes(), fit_intercept, learning_rate)

    def spread(self, moments: Moments, features: Sequence[str], fit_intercept: bool, terms: Terms | None, for_: str) -> Spread:
        """What leverages are made of, of the fit of the moments' last column. Raises: as `least_squares`."""
        if is_short(moments):
            return spread(moments, moments.columns[-1], features, fit_intercept, terms)
        return self._in_worker(for_, _spread, moments.to_bytes(), features, fit_intercept, terms)

    def of_moments(
        self, n_columns: int, function: Callable[..., Result], moments: Sequence[Moments], *args: object, for_: str
    ) -> Result:
        """What a function of the solver makes of moments and values that pickle, solving for so many columns. Raises: as it."""
        if n_columns <= SHORT_SOLVE:
            return function(*moments, *args)
        made: Result = self._in_worker(for_, _of_moments, function, [one.to_bytes() for one in moments], args)
        return made

    def cancel(self, job_id: str) -> None:
        """Drop the job's solve, if one is under way: its worker is ended and replaced."""
        with self._lock:
            self._unwanted.add(job_id)
            futures = [future for future, id_ in self._under_way.items() if id_ == job_id]
        for future in futures:
            future.cancel()  # type: ignore[no-untyped-call]

    def forget(self, job_id: str) -> None:
        """The job will ask for no more solves."""
        with self._lock:
            self._unwanted.discard(job_id)

    def close(self) -> None:
        """End the workers, whatever they do; there are no more solves in workers."""
        with self._lock:
            pool, self._pool, self._is_closed = self._pool, None, True
            futures = list(self._under_way)
        for future in futures:
            future.cancel()  # type: ignore[no-untyped-call]
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def _in_worker(self, job_id: str, function: Callable[..., Result], *args: object) -> Result:
        """Raises: Cancelled; WorkerLost: the kernel's out-of-memory killer, say; and as the function."""
        for _ in range(TRIES):
            future: ProcessFuture[Result] = self._scheduled(job_id, function, args)
            try:
                return future.result()
            except CancelledError:
                raise Cancelled from None
            except (ProcessExpired, BrokenProcessPool):
                if self._is_closed:
                    raise Cancelled from None
            finally:
                with self._lock:
                    del self._under_way[future]
        raise WorkerLost

    def _scheduled(self, job_id: str, function: Callable[..., Result], args: tuple[object, ...]) -> ProcessFuture[Result]:
        with self._lock:
            if self._is_closed or job_id in self._unwanted:
                raise Cancelled
            # A pool whose idle worker was killed is broken for good.
            if self._pool is None or not self._pool.active:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(self._processes, initializer=_begin_worker, initargs=[os.getpid()], context=context)
            future: ProcessFuture[Result] = self._pool.schedule(function, args=args)
            self._under_way[future] = job_id
        return future


def _begin_worker(parent: int) -> None:
    """Make a worker end at once when it is told to, or when the service has ended, even by `kill -9`.

    Python's own handlers would wait for the solve: FLINT does not let go of the interpreter.
    """
    one_thread()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # It follows the thread that forked: Pebble's, which lives as long as the pool, and the pool as the service.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it could be watched
        os._exit(1)


def _least_squares(moments: bytes, how: HowToSolve) -> LeastSquares:
    return how.solve(Moments.from_bytes(moments))


def _spread(moments: bytes, features: Sequence[str], fit_intercept: bool, terms: Terms | None) -> Spread:
    summed = Moments.from_bytes(moments)
    return spread(summed, summed.columns[-1], features, fit_intercept, terms)


def _of_moments(function: Callable[..., Result], moments: list[bytes], args: tuple[object, ...]) -> Result:
    return function(*map(Moments.from_bytes, moments), *args)


def _trajectory(moments: bytes, fit_intercept: bool, learning_rate: float | Literal["auto"]) -> Trajectory:
    summed = Moments.from_bytes(moments)
    *features, target = summed.columns
    return trajectory(summed, target, features, fit_intercept, learning_rate)
