"""What the process knows of a job under way, and tells those who watch it."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event

from service.jobs.history import Recorder
from service.jobs.state import Job
from service.jobs.watch import Watch

NOTICE_S = 0.02  # between two wake-ups of those who watch a job whose epochs are quick


@dataclass(slots=True, eq=False)
class Active:
    """One unfinished job: its thread changes it, requests read it or ask it to stop."""

    job: Job
    watch: Watch
    stop: Event = field(default_factory=Event)
    recorder: Recorder | None = None
    future: "Future[None] | None" = None
    _noticed_at: float = 0.0

    def change(self, job: Job) -> None:
        """The job stands elsewhere now."""
        self.job = job
        at = time.monotonic()
        if job.is_finished or at - self._noticed_at >= NOTICE_S:
            self._noticed_at = at
            self.watch.changed(job.id)

    def keep_going(self) -> bool:
        return not self.stop.is_set()
