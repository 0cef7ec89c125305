"""Fits whose terms are found in the rows go on after `kill -9`, and know what was found."""

from pathlib import Path

import httpx
import orjson

from tests.durability.following import Json, ended, line_data, made, model_of, post
from tests.process import Service

N_ROWS = 6000
CITIES = ("Ulm", "Bonn", "Trier")
SPEC: Json = {"target": "y", "categorical": "one_hot", "missing": "mean", "weights": "w", "interactions": True}
INLINE: Json = {"X": [[float(i)] if i % 5 else [None] for i in range(40)], "y": [float(i * i % 7) for i in range(40)]}


def with_gaps() -> bytes:
    """Rows with a text column, weights, and a gap in every hundredth row."""
    X, y = line_data(N_ROWS, 3, 4)
    columns = {f"x{j}": [None if i % 100 == j else value for i, value in enumerate(X[:, j].tolist())] for j in range(3)}
    cities = [CITIES[i * i % 7 % 3] for i in range(N_ROWS)]
    weights = [1.0 + i % 4 for i in range(N_ROWS)]
    return orjson.dumps({"columns": columns | {"city": cities, "w": weights, "y": y.tolist()}})


def asked(client: httpx.Client) -> list[str]:
    """Jobs that read rows for their terms: the first one runs, the others wait."""
    dataset_id = made(post(client, "/datasets", with_gaps()))["id"]
    descent: Json = {"method": "gradient_descent", "epochs": 200}
    of_rows = [SPEC, SPEC | {"missing": "drop"}, SPEC | descent]
    bodies: list[Json] = [body | {"dataset_id": dataset_id} for body in of_rows]
    bodies.append(INLINE | descent | {"missing": "mean", "degree": 2})
    return [made(post(client, "/fit", body, Prefer="wait=0"), 202)["id"] for body in bodies]


def models(client: httpx.Client, jobs: list[str]) -> list[Json]:
    return [model_of(client, ended(client, id_)) for id_ in jobs]


def test_what_was_found_in_the_rows_survives_a_kill(tmp_path: Path) -> None:
    """Promise: categories, means and counts of a job that was killed are those of one that was not, and so are its figures."""
    with Service(tmp_path / "calm", job_threads=1) as service, service.client() as client:
        calm = models(client, asked(client))
    assert [sorted(model["imputed"]) for model in calm] == [["x0", "x1", "x2"], [], ["x0", "x1", "x2"], ["x"]]
    assert calm[1]["n_dropped"] == N_ROWS // 100 * 3
    assert all(model["categories"]["city"]["levels"] == sorted(CITIES) for model in calm[:3])

    with Service(tmp_path / "killed", job_threads=1) as service:
        with service.client() as client:
            jobs = asked(client)
        for _ in range(2):  # at once, and while they are taken up
            service.kill()
            service.start()
        with service.client() as client:
            assert models(client, jobs) == calm
