"""From one version to the next: rows that came, rows that left, and what is then known."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import sqlalchemy as sa

from service.registry.absorb import Absorbed
from service.registry.columns import described, joined
from service.registry.idents import now
from service.registry.parts import KeptPart, files_gone, put
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
    """The next version, with the parts before and after; `before` may be left out where none of them goes."""

    change: Change
    version: Version
    before: Sequence[KeptPart]
    after: Sequence[KeptPart]
    unused: Sequence[str]  # files that no part has any more, once this is kept

    @property
    def takes_away(self) -> bool:
        return self.change.n_removed > 0

    def insert(self, connection: sa.Connection) -> None:
        """Keep it; where rows were taken away, older versions go."""
        self.version.insert(connection)
        put(connection, self.change.made.id, self.before, self.after)
        if self.takes_away:
            self.version.forget_older(connection)


def step(
    template: Dataset,
    panels: Sequence[Moments],
    before: Sequence[KeptPart],
    arrival: Arrival | None,
    remove: Callable[[Sequence[KeptPart]], Removal] | None,
) -> Step:
    """The version after.

    Args: template: the data set before; of version 0, without rows and columns, when it is new. panels: its sums.
        before: its parts; none need be given where rows only come. remove: what takes rows away of the parts it is given.
    """
    came = [] if arrival is None else [arrival.part]
    summed, columns = tuple(panels), template.columns
    if arrival is not None:
        summed = tuple(map(Moments.__add__, panels, arrival.panels)) if panels else arrival.panels
        columns = joined(columns, arrival.part.columns) if columns else arrival.part.columns
    removal = remove([*before, *came]) if remove is not None else None
    after = (*before, *came) if removal is None else removal.parts
    if removal is not None and removal.n_removed:
        summed = tuple(map(Moments.__sub__, summed, removal.panels))
        columns = reduce(joined, (part.columns for part in after))
    n_appended, n_removed = sum(part.n_rows for part in came), 0 if removal is None else removal.n_removed
    made = replace(
        template, version=template.version + 1, n_samples=template.n_samples + n_appended - n_removed,
        columns=described(columns, summed), created_at=now(),
    )  # fmt: skip
    change = Change(made, n_appended, n_removed)
    return Step(change, Version.of(made, summed), before, after, files_gone([*before, *came], after))


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
