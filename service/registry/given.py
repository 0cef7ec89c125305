"""A data set made of moments: its sums are kept, and there are no rows."""

import sqlalchemy as sa

from service.registry.columns import Column, described
from service.registry.idents import new_id, now
from service.registry.versions import Also, Dataset, Version, nothing
from service.solver.moments import Moments
from service.store.tables import Store, datasets


def create(store: Store, moments: Moments, name: str, also: Also = nothing) -> Dataset:
    """Take in a new data set: what fits need of its rows, and nothing of what tells one from another."""
    columns = described([Column(column, "number") for column in moments.columns], [moments])
    made = Dataset(new_id("ds"), name, 1, moments.numbers, moments.n_samples, columns, now())
    version = Version.of(made, (moments,))
    with store.write() as connection:
        values = {"id": made.id, "name": name, "numbers": made.numbers, "created_at": made.created_at}
        connection.execute(sa.insert(datasets).values(values))
        version.insert(connection)
        also(connection, made)
    return made
