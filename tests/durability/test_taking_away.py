"""Rows that are taken away while the service is killed: the version before is there, or the one after, and nothing between."""

import threading
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from service.solver.moments import Moments
from service.store.tables import parts
from tests.durability.following import made, post, row_files
from tests.process import Service

N_ROWS, N_KINDS, ROUNDS = 120_000, 400, 6
WINDOW = N_ROWS - 1000
PAGE = 50_000
NAMES = ("kind", "x")

Rows = NDArray[np.float64]


@dataclass
class Holder:
    """Takes kinds of rows away from one data set, or appends to a window, until the service is gone."""

    id_: str
    version: int
    rows: Rows  # as they are for certain
    next: Rows | None = None  # as they are if what was asked last was done

    def live(self, client: httpx.Client, draw: np.random.Generator, is_window: bool) -> None:
        try:
            while True:
                (self._append if is_window else self._remove)(client, draw)
        except httpx.TransportError:
            return  # it was killed

    def _remove(self, client: httpx.Client, draw: np.random.Generator) -> None:
        kind = draw.choice(np.unique(self.rows[:, 0]))
        self.next = self.rows[self.rows[:, 0] != kind]
        answer = client.delete(f"/datasets/{self.id_}/rows", params={"column": "kind", "op": "eq", "value": repr(float(kind))})
        self._done(made(answer, 200)["version"])

    def _append(self, client: httpx.Client, draw: np.random.Generator) -> None:
        new = np.column_stack([draw.integers(0, N_KINDS, 9000), draw.integers(-999, 999, 9000)]).astype(np.float64)
        self.next = np.concatenate([self.rows, new])[-WINDOW:]
        answer = post(client, f"/datasets/{self.id_}/rows", {"columns": dict(zip(NAMES, new.T.tolist(), strict=True))})
        self._done(made(answer)["version"])

    def _done(self, version: int) -> None:
        assert self.next is not None
        assert version == self.version + 1
        self.rows, self.version, self.next = self.next, version, None

    def check(self, client: httpx.Client) -> None:
        """What is there is one of the two, wholly; older versions are gone."""
        about = made(client.get(f"/datasets/{self.id_}"), 200)
        assert about["version"] in ((self.version,) if self.next is None else (self.version, self.version + 1))
        if about["version"] > self.version:
            assert self.next is not None
            self.rows, self.version = self.next, about["version"]
        self.next = None
        assert np.array_equal(self._stored(client), self.rows)
        summed = made(client.get(f"/datasets/{self.id_}/moments"), 200)
        assert summed["digest"] == Moments.of(self.rows, NAMES).digest()
        if self.version > 1:
            older = client.get(f"/datasets/{self.id_}", params={"version": self.version - 1})
            assert older.status_code == 404

    def _stored(self, client: httpx.Client) -> Rows:
        """All rows, page by page."""
        url, pages = f"/datasets/{self.id_}/rows", []
        for offset in range(0, N_ROWS, PAGE):
            answer = client.get(url, params={"format": "arrow", "offset": offset, "limit": PAGE})
            pages.append(pa.ipc.open_stream(answer.content).read_all())
        found = pa.concat_tables(pages)
        return np.column_stack([found[name].to_numpy() for name in NAMES])


def files_of_tables(folder: Path) -> set[str]:
    """The row files that the tables name."""
    engine = sa.create_engine(f"sqlite:///{folder / 'linefit.db'}")
    with engine.connect() as connection:
        found = {f"{file}.arrow" for file in connection.execute(sa.select(parts.c.file)).scalars()}
    engine.dispose()
    return found


def test_rows_are_taken_away_wholly_or_not_at_all(tmp_path: Path) -> None:
    """Promise: whenever the service is killed, the data set is as it was or as it was to be: rows, sums, files."""
    draw = np.random.default_rng(2)
    rows = np.column_stack([draw.integers(0, N_KINDS, N_ROWS), draw.integers(-999, 999, N_ROWS)]).astype(np.float64)
    body = {"columns": dict(zip(NAMES, rows.T.tolist(), strict=True))}
    with Service(tmp_path / "data") as service:
        with service.client() as client:
            plain = made(post(client, "/datasets", body))["id"]
            window = made(post(client, "/datasets", body | {"window": {"rows": WINDOW}}))["id"]
        holders = [Holder(plain, 1, rows), Holder(window, 1, rows[-WINDOW:])]
        for _ in range(ROUNDS):
            with service.client() as one, service.client() as other:
                lives = [
                    threading.Thread(
                        target=holder.live, args=(client, np.random.default_rng(int(draw.integers(1 << 30))), i == 1)
                    )
                    for i, (holder, client) in enumerate(zip(holders, (one, other), strict=True))
                ]
                for life in lives:
                    life.start()
                lives[0].join(float(draw.uniform(0.1, 0.3)))
                service.kill()
                for life in lives:
                    life.join(60)
            service.start()
            assert row_files(service.folder) == files_of_tables(service.folder)
            with service.client() as client:
                for holder in holders:
                    if holder.version > 1 or holder.next is not None:
                        holder.check(client)
        assert all(holder.version > ROUNDS for holder in holders), "too little was going on"
