"""Many clients fit at once and share transactions; what each was told is there after `kill -9`."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np

from tests.durability.following import Json
from tests.process import Service

CLIENTS, ROUNDS, AT_LEAST = 16, 3, 20


def fit_until_killed(url: str, seed: int) -> list[Json]:
    """The models that one client was answered with, one after another."""
    draw = np.random.default_rng(seed)
    models: list[Json] = []
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        while True:
            x = draw.normal(size=50)
            try:
                answer = client.post("/fit", json={"X": x[:, None].tolist(), "y": (2 * x + 1 + draw.normal(size=50)).tolist()})
            except httpx.TransportError:
                return models
            assert answer.status_code == 201, answer.text
            models.append(answer.json())


def test_every_fit_that_was_answered_under_load_survives_a_kill(tmp_path: Path) -> None:
    """Promise: 201 means that model and job are on disk, also where others were written in the same transaction."""
    told: list[Json] = []
    with Service(tmp_path / "data") as service:
        for turn in range(ROUNDS):
            with ThreadPoolExecutor(CLIENTS) as threads:
                crowd = [threads.submit(fit_until_killed, service.url, 100 * turn + i) for i in range(CLIENTS)]
                time.sleep(0.5 + 0.1 * turn)
                service.kill()
            models = [model for one in crowd for model in one.result()]
            assert len(models) >= AT_LEAST, "too little was going on"
            told += models
            service.start()
            asyncio.run(check(service.url, told))


async def check(url: str, told: list[Json]) -> None:
    """Each model as it was told, and its job done."""
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        for model in told:
            assert (await client.get(f"/models/{model['id']}")).json() == model
            job = (await client.get(f"/jobs/{model['job_id']}")).json()
            assert (job["state"], job["model_id"]) == ("done", model["id"])
