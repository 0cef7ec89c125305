"""From one version to the next: rows that came, rows that left, and what is then known."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from service.registry.absorb import Absorbed
from service.registry.columns import described, joined, less
from service.registry.idents import now
from service.registry.parts import KeptPart, extremes, put
from service.registry.removal import Removal
from service.registry.versions import Change, Dataset, Version
from service.solver.moments import Moments


@dataclass(frozen=True, slots=True)
class Arrival:
    """Rows that came, in a file of their own."""

    part: KeptPart
    panels: tuple[Moments, ...]

    @classmethod
    def of(cls, absorbed: Absorbed, version: int, file: str) -> "Arrival":
        return cls(KeptPart(version, file, absorbed.n_rows, absorbed.columns), absorbed.panels)

    def of_version(self, version: int) -> "Arrival":
        """The same as it comes with another version."""
        return replace(self, part=replace(self.part, added_in=version))


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The next version, and what becomes of the parts."""

    change: Change
    version: Version
    dropped: tuple[KeptPart, ...]
    added: tuple[KeptPart, ...]
    unused: tuple[str, ...]  # files that no part has any more, once this is kept
    parts: tuple[KeptPart, ...]  # all of them; empty where those before were not asked for

    @property
    def takes_away(self) -> bool:
        return self.change.n_removed > 0

    def insert(self, connection: sa.Connection) -> None:
        """Keep it; where rows were taken away, older versions go."""
        self.version.insert(connection)
        put(connection, self.change.made.id, self.dropped, self.added, self.unused)
        if self.takes_away:
            self.version.forget_older(connection)


def step(template: Dataset, panels: Sequence[Moments], arrival: Arrival | None, removal: Removal | None) -> Step:
    """The version after.

    Args: template: the data set before; of version 0, without rows and columns, when it is new. panels: its sums.
        removal: of the parts before and of that which came.
    """
    came: tuple[KeptPart, ...] = () if arrival is None else (arrival.part,)
    summed, columns, n_removed = tuple(panels), template.columns, 0
    dropped: tuple[KeptPart, ...] = ()
    added, parts = came, dropped
    if arrival is not None:
        summed = tuple(map(Moments.__add__, panels, arrival.panels)) if panels else arrival.panels
        columns = joined(columns, arrival.part.columns) if columns else arrival.part.columns
    if removal is not None:
        parts, n_removed = removal.left, removal.n_removed
    if removal is not None and n_removed:
        summed = tuple(map(Moments.__sub__, summed, removal.panels))
        columns = less(columns, removal.columns, lambda i: extremes(removal.left, i))
        dropped = tuple(part for part in removal.dropped if part not in came)
        added = (*removal.made, *(part for part in came if part not in removal.dropped))
    files = {part.file for part in added}
    unused = tuple(part.file for part in (*dropped, *came) if part.file not in files)
    n_appended = sum(part.n_rows for part in came)
    made = replace(
        template, version=template.version + 1, n_samples=template.n_samples + n_appended - n_removed,
        columns=described(columns, summed), created_at=now(),
    )  # fmt: skip
    return Step(Change(made, n_appended, n_removed), Version.of(made, summed), dropped, added, unused, parts)


@contextmanager
def files_kept_if_all_goes_well() -> Iterator[list[Path]]:
    """A list for the files that are written; they are removed again if the block raises."""
    written: list[Path] = []
    try:
        yield written
    except BaseException:
        for file in written:
            file.unlink(missing_ok=True)
        raise
