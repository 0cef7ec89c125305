"""What the process knows of a job under way, and tells those who watch it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Lock

from service.jobs.history import Recorder
from service.jobs.state import Job
from service.jobs.watch import Watch
from service.registry.observations import Columns
from service.registry.summing import Summed


@dataclass(slots=True, eq=False)
class Active:
    """One unfinished job: its thread changes it, requests read it or ask it to stop."""

    job: Job
    watch: Watch
    summed: Summed | None = None  # what the job is a function of, where the process has it at hand
    inline: Columns | None = None  # the rows that came in the call, likewise
    stop: Event = field(default_factory=Event)
    recorder: Recorder | None = None
    future: "Future[None] | None" = None
    _lock: Lock = field(default_factory=Lock)

    def change(self, step: Callable[[Job], Job]) -> None:
        """The job stands elsewhere now. From any thread."""
        with self._lock:
            self.job = step(self.job)
        self.watch.changed(self.job.id)

    def keep_going(self) -> bool:
        return not self.stop.is_set()
