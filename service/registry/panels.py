"""The exact sums made while the rows of a version came in, the latest used in memory."""

from service.registry.kept import Kept
from service.registry.versions import Dataset, Version, moments_of
from service.solver.moments import Moments
from service.store.tables import Store, moments

CAPACITY = 256 << 20  # bytes
IN_MEMORY = 8  # bytes for each in the store: FLINT has both triangles, an entry of 20 bytes takes 64 of each


class Panels:
    """The sums of versions, over the store."""

    def __init__(self, store: Store, capacity: int = CAPACITY) -> None:
        self._store = store
        self._kept = Kept[tuple[str, int], tuple[Moments, ...]](capacity)

    def of(self, dataset: Dataset) -> tuple[Moments, ...]:
        """One for all numeric columns if they are few, else for panels of them."""
        panels = self._kept.get((dataset.id, dataset.version))
        if panels is None:
            query = moments_of(dataset).where(moments.c.position >= 0).order_by(moments.c.position)
            with self._store.read() as connection:
                values = connection.execute(query).scalars().all()
            panels = tuple(Moments.from_bytes(value) for value in values)
            self._kept.put((dataset.id, dataset.version), panels, IN_MEMORY * sum(map(len, values)))
        return panels

    def keep(self, version: Version) -> None:
        """Remember those of a version that was made just now."""
        self._kept.put((version.made.id, version.made.version), version.panels, IN_MEMORY * version.n_bytes)

    def forget(self, dataset_id: str) -> None:
        self._kept.drop(lambda key: key[0] == dataset_id)
