"""Lists: newest first, a page at a time, and no more read than is shown."""

import pytest
import sqlalchemy as sa

from service.registry.aliases import Aliases
from service.registry.models import Models
from service.registry.pages import page_of
from service.store.tables import Store, datasets, jobs, models
from tests.statements import heard


def fill(store: Store, n: int) -> None:
    with store.write() as connection:
        for i in range(n):
            connection.execute(sa.insert(datasets).values(id=f"ds_{i}", name="", numbers="float64", created_at="now"))
            model = {"id": f"mdl_{i}", "body": b'{"metrics": {"df_model": 1}}', "evaluation": b"[[], []]", "moments": b"large"}
            connection.execute(sa.insert(models).values(model))
            job = {"id": f"job_{i}", "state": "done", "task": b"{}", "moments": b"large", "epoch": 0, "created_at": "now"}
            connection.execute(sa.insert(jobs).values(job))


def test_pages_put_together_are_the_list(store: Store) -> None:
    """Newest first, each item once, and the last page says that it is the last."""
    fill(store, 5)

    seen: list[str] = []
    before = None
    for n_items in (2, 2, 1):
        page = page_of(store, datasets, 2, before, [datasets.c.id])
        assert len(page.items) == n_items
        seen += [row.id for row in page.items]
        before = page.next

    assert before is None
    assert seen == ["ds_4", "ds_3", "ds_2", "ds_1", "ds_0"]


@pytest.mark.parametrize("table", [models, jobs])
def test_a_list_reads_no_moments(store: Store, table: sa.Table) -> None:
    """They are hundreds of kilobytes a row when there are many features, and no list shows them."""
    fill(store, 1)

    (row,) = page_of(store, table, 10, None).items

    assert "moments" not in row._mapping
    assert {column.name for column in table.c} - set(row._mapping) == {"moments"}


def test_the_list_of_models_asks_the_database_for_no_moments(store: Store) -> None:
    """As seen by the database itself."""
    fill(store, 3)

    with heard(store) as asked:
        page = Models(store, Aliases(store, 1), 1).page(2, None)

    assert [model.id for model in page.items] == ["mdl_2", "mdl_1"]
    assert len(asked) == 1
    assert "moments" not in asked[0]
