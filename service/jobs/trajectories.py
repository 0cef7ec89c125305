"""The paths of batch descents: functions of moments and options, so they are computed again rather than stored."""

from collections import OrderedDict
from threading import Lock

from service.jobs import table
from service.jobs.state import Job, NoSuchEpoch
from service.jobs.workers import Solver
from service.solver.descent import Trajectory
from service.solver.errors import Diverges
from service.solver.moments import Moments
from service.store.tables import Store

KEPT = 64


class Trajectories:
    """The paths of the jobs looked at last."""

    def __init__(self, store: Store, solver: Solver) -> None:
        self._store, self._solver = store, solver
        self._kept: OrderedDict[str, Trajectory] = OrderedDict()
        self._lock = Lock()

    def of(self, job: Job, moments: Moments | None = None) -> Trajectory:
        """The path of a batch descent; its moments are looked up if they are not given.

        Raises: NoSuchEpoch: the job has no path, or not yet; Cancelled, and as the solver.
        """
        with self._lock:
            found = self._kept.get(job.id)
            if found is not None:
                self._kept.move_to_end(job.id)
                return found
        task = job.task
        if moments is None:
            summed = table.summed_of(self._store, job.id)
            moments = None if summed is None else summed.moments
        if moments is None or task.descent is None:
            raise NoSuchEpoch(0, None)
        found = self._solver.trajectory(moments, task.fit_intercept, task.descent.learning_rate, job.id)
        with self._lock:
            self._kept[job.id] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def checked(self, job: Job, moments: Moments) -> Trajectory:
        """The path, unless it diverges and the client did not ask to see that. Raises: Diverges, and as `of`."""
        found = self.of(job, moments)
        if found.diverges and job.task.descent is not None and job.task.descent.on_divergence == "error":
            raise Diverges(found.learning_rate, found.largest_stable)
        return found

    def forget(self, job_id: str) -> None:
        with self._lock:
            self._kept.pop(job_id, None)
