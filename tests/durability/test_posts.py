"""What was answered is there after `kill -9`, and what was not answered can be asked again without making it twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import sqlalchemy as sa

from service.store.tables import datasets, idempotency, jobs, models, parts, versions
from tests.durability.following import UNFINISHED, Json, row_files, until
from tests.process import Service

THREADS, ROUNDS = 4, 3
NOTHING = ""  # what an alias stands for that is not there
CSV = "x,y,note\n" + "".join(f"{i / 8},{i * i / 16},n{i}\n" for i in range(40))
ROWS: Json = {"columns": {"x": [0.5, 1.5, 2.5], "y": [1.25, 2.0, 4.5], "note": ["a", "b", "c"]}}
INLINE: Json = {"X": [[0.0], [1.0], [2.0]], "y": [1.0, 3.0, 5.5]}
DESCENT: Json = INLINE | {"method": "gradient_descent", "batch_size": 2, "epochs": 3, "random_state": 1}


@dataclass
class Ask:
    """A request that makes something; its answer, once there is one."""

    url: str
    body: str | Json
    key: str
    answer: httpx.Response | None = None

    def send(self, client: httpx.Client) -> httpx.Response:
        headers = {"Idempotency-Key": self.key}
        if isinstance(self.body, str):
            return client.post(self.url, content=self.body, headers=headers | {"Content-Type": "text/csv"})
        return client.post(self.url, json=self.body, headers=headers)


@dataclass
class Customer:
    """Makes one thing after another until the service is gone, and remembers what it was told."""

    name: str
    asks: list[Ask] = field(default_factory=list)
    aliases: dict[str, set[str]] = field(default_factory=dict)  # the models an alias may stand for: those put last
    seen: dict[str, bytes] = field(default_factory=dict)  # what GET answered, by URL: these never change again

    def live(self, url: str, seed: int) -> None:
        draw = np.random.default_rng(seed)
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            try:
                while True:
                    self._one_thing(client, draw)
            except httpx.TransportError:
                return  # it was killed

    def _one_thing(self, client: httpx.Client, draw: np.random.Generator) -> None:
        made = [ask.answer.json()["id"] for ask in self.asks if ask.answer is not None and ask.url == "/datasets"]
        kind = draw.choice(["csv", "json", "append", "append as CSV", "inline", "descent", "fit"] if made else ["csv", "json"])
        if kind in ("csv", "json"):
            self._ask(client, "/datasets", CSV if kind == "csv" else ROWS)
        elif kind.startswith("append"):
            self._ask(client, f"/datasets/{draw.choice(made)}/rows", CSV if kind.endswith("CSV") else ROWS)
        elif kind == "descent":
            self._ask(client, "/fit", DESCENT)
        else:
            body = INLINE if kind == "inline" else {"dataset_id": str(draw.choice(made)), "target": "y", "dataset_version": 1}
            self._name(client, self._ask(client, "/fit", body).json()["id"], draw)

    def _ask(self, client: httpx.Client, url: str, body: str | Json) -> httpx.Response:
        ask = Ask(url, body, f"{self.name}-{len(self.asks)}")
        self.asks.append(ask)
        answer = ask.send(client)
        assert answer.status_code in (201, 202), answer.text
        ask.answer = answer
        if answer.status_code == 201:
            at = answer.headers["Location"]
            at += "?version=1" if url == "/datasets" else ""  # the newest version will be another
            self.seen[at] = client.get(at).content
        return answer

    def _name(self, client: httpx.Client, model_id: str, draw: np.random.Generator) -> None:
        alias = f"{self.name}.{draw.integers(2)}"
        before = self.aliases.get(alias, {NOTHING})
        self.aliases[alias] = before | {model_id}  # while it is not answered, either may be there
        assert client.put(f"/aliases/{alias}", json={"model_id": model_id}).status_code in (200, 201)
        self.aliases[alias] = {model_id}


def tables(folder: Path) -> Json:
    """What the tables say there is."""
    engine = sa.create_engine(f"sqlite:///{folder / 'linefit.db'}")
    with engine.connect() as connection:
        counted = {table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                   for table in (datasets, versions, parts, models, jobs, idempotency)}  # fmt: skip
        files = {f"{name}.arrow" for name in connection.execute(sa.select(parts.c.file)).scalars()}
        files |= {f"{name}.arrow" for name in connection.execute(sa.select(jobs.c.rows_file)).scalars() if name}
        waiting = sa.select(sa.func.count()).where(jobs.c.state.in_(UNFINISHED))
        unfinished = connection.execute(waiting).scalar_one()
    engine.dispose()
    return {**counted, "files": files, "unfinished": unfinished}


def check(client: httpx.Client, customer: Customer) -> None:
    """All that was answered is there, byte for byte."""
    for url, content in customer.seen.items():
        assert client.get(url).content == content, url
    for ask in customer.asks:
        if ask.answer is not None:
            assert client.get(ask.answer.headers["Location"]).status_code == 200
    for alias, model_ids in customer.aliases.items():
        answer = client.get(f"/aliases/{alias}")
        assert (answer.json()["model_id"] if answer.status_code == 200 else NOTHING) in model_ids


def check_lists(client: httpx.Client) -> None:
    """Everything that lists show can be read, rows and all: nothing is half made."""
    for name in ("datasets", "models", "jobs"):
        url: str | None = f"/{name}?limit=1000"
        while url is not None:
            page = client.get(url)
            for item in page.json()["items"]:
                assert client.get(f"/{name}/{item['id']}").status_code == 200
                if name == "datasets":
                    rows = client.get(f"/datasets/{item['id']}/rows", params={"limit": 100_000})
                    assert rows.status_code == 200, rows.text
                    assert len(rows.json()["columns"]["x"]) == item["n_samples"]
            url = page.links["next"]["url"] if "next" in page.links else None


def retry(client: httpx.Client, customer: Customer) -> None:
    """Ask again for all: what was answered is answered again, what was not is made now, or had been."""
    for ask in customer.asks:
        again = ask.send(client)
        assert again.status_code in (201, 202), again.text
        if ask.answer is not None:
            assert again.headers["Idempotency-Replayed"] == "true"
            if ask.answer.status_code == 201:
                assert again.content == ask.answer.content or ask.url == "/fit"
                assert again.json()["id"] == ask.answer.json()["id"]
        ask.answer = again
        thrice = ask.send(client)
        assert (thrice.json()["id"], thrice.headers["Idempotency-Replayed"]) == (again.json()["id"], "true")


def check_tables(folder: Path, asks: list[Ask]) -> None:
    """The tables have each thing once, and the folder of rows has the files that they name and no other."""
    found = tables(folder)
    made = {name: sum(ask.url == f"/{name}" for ask in asks) for name in ("datasets", "fit")}
    appends = len(asks) - made["datasets"] - made["fit"]
    assert found["idempotency_keys"] == len(asks)
    assert (found["datasets"], found["dataset_versions"]) == (made["datasets"], made["datasets"] + appends)
    assert found["dataset_parts"] == found["dataset_versions"]
    assert found["jobs"] == made["fit"]
    until(lambda: not tables(folder)["unfinished"], "all descents have ended")
    until(lambda: row_files(folder) == tables(folder)["files"], "the files of descents that have ended are gone")


def test_what_was_answered_survives_kills_and_retries_make_each_thing_once(tmp_path: Path) -> None:
    """Promise: 201 means it is on disk, whole; a request without an answer was done wholly or not at all, and its retry with
    the same Idempotency-Key makes it exactly once.
    """
    draw = np.random.default_rng(3)
    customers: list[Customer] = []
    with Service(tmp_path / "data") as service:
        for turn in range(ROUNDS):
            crowd = [Customer(f"c{turn}{i}") for i in range(THREADS)]
            with ThreadPoolExecutor(THREADS) as threads:
                lives = [threads.submit(one.live, service.url, int(draw.integers(1 << 30))) for one in crowd]
                time.sleep(draw.uniform(0.3, 0.6))
                service.kill()
            for life in lives:
                life.result()
            customers += crowd
            service.start()
            with service.client() as client:
                check_lists(client)
                for customer in crowd:
                    check(client, customer)
                    retry(client, customer)
            asks = [ask for customer in customers for ask in customer.asks]
            assert len(asks) > 5 * (turn + 1), "too little was going on"
            check_tables(service.folder, asks)
        with service.client() as client:
            for customer in customers:
                check(client, customer)
