"""What cannot be done is refused whole: a second service, a cut upload, a full disk."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.durability.following import Json, columns, ended, inline, job_of, made, post, row_files, until
from tests.process import Service

MIB = 1 << 20


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("refusals") / "data") as service:
        yield service


def test_a_second_service_on_the_same_folder_refuses_to_start(service: Service) -> None:
    """Promise: two processes never share a data folder: the second says so and ends, the first does not notice."""
    with service.client() as client:
        dataset = made(post(client, "/datasets", columns(20, 2)))["id"]
        command: list[str | Path] = [
            Path(sys.executable).with_name("linefit"),
            "serve",
            "--port",
            "0",
            "--data-dir",
            service.folder,
        ]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode != 0
        assert "another process is using" in second.stdout + second.stderr
        assert client.get(f"/datasets/{dataset}/rows").status_code == 200


@pytest.mark.parametrize("url", ["/datasets", "/datasets/{id}/rows"])
@pytest.mark.parametrize("type_", ["text/csv", "application/json"])
def test_an_upload_that_is_cut_off_leaves_nothing(service: Service, url: str, type_: str) -> None:
    """Promise: when the client is gone before the end of its body, nothing was made: no data set, no version, no file."""
    with service.client() as client:
        dataset = made(post(client, "/datasets", columns(20, 2)))["id"]
        files, n_datasets = row_files(service.folder), len(made(client.get("/datasets?limit=1000"), 200)["items"])
        body = b"x0,x1,y\n" + b"0.25,0.5,1\n" * 200_000 if type_ == "text/csv" else columns(20_000, 2)
        address = urlsplit(service.url)
        head = f"POST {url.format(id=dataset)} HTTP/1.1\r\nHost: linefit\r\nContent-Type: {type_}\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
            connection.sendall(head.encode() + body[: len(body) * 3 // 4])
            if type_ == "text/csv":
                until(lambda: row_files(service.folder) != files, "the rows are being written")
        until(lambda: row_files(service.folder) == files, "what was written is removed")
        after = made(client.get("/datasets?limit=1000"), 200)["items"]
        assert len(after) == n_datasets
        assert made(client.get(f"/datasets/{dataset}"), 200)["version"] == 1
        made(post(client, f"/datasets/{dataset}/rows", columns(5, 2)))
        assert "Traceback" not in service.log()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Service]:
    """A service none of whose files can grow beyond 1 MiB, as on a full disk."""
    with Service(tmp_path / "data") as service:
        resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (MIB, MIB))
        yield service


def test_rows_that_do_not_fit_on_the_disk_are_refused_and_leave_nothing(full: Service) -> None:
    """Promise: a write that fails is an answer with an error, not a half-made data set; smaller ones are still taken."""
    with full.client() as client:
        dataset = made(post(client, "/datasets", columns(20, 2)))["id"]
        files = row_files(full.folder)
        csv = b"x0,x1,y\n" + b"0.25,0.5,1\n" * 100_000
        for url in ("/datasets", f"/datasets/{dataset}/rows"):
            for answer in (
                post(client, url, columns(60_000, 2)),
                client.post(url, content=csv, headers={"Content-Type": "text/csv"}),
            ):
                assert (answer.status_code, answer.json()["type"]) == (507, "/problems/storage-full")
        assert row_files(full.folder) == files
        assert made(post(client, f"/datasets/{dataset}/rows", columns(5, 2)))["version"] == 2
    full.kill()
    full.start()
    with full.client() as client:
        assert [item["n_samples"] for item in made(client.get("/datasets"), 200)["items"]] == [25]


def test_an_inline_descent_whose_rows_do_not_fit_on_the_disk_makes_no_job(full: Service) -> None:
    """Promise: the rows of an inline mini-batch descent are kept before its job is; if they cannot be, there is no job."""
    options: Json = {"method": "gradient_descent", "batch_size": 1000, "epochs": 2, "random_state": 1}
    with full.client() as client:
        assert post(client, "/fit", inline(70_000, 2, **options)).status_code == 507
        assert made(client.get("/jobs"), 200)["items"] == []
        assert row_files(full.folder) == set()
        job = made(post(client, "/fit", inline(100, 2, **options)), 202)["id"]
        assert ended(client, job)["state"] == "done"
        assert job_of(client, job)["epoch"] == 2


def test_a_database_that_cannot_grow_refuses_and_leaves_nothing(full: Service) -> None:
    """Promise: rows whose table entry does not fit are taken back, by data sets and by jobs; what was answered stays."""
    body, taken = columns(30, 60), 0
    with full.client() as client:
        while (answer := post(client, "/datasets", body)).status_code == 201 and taken < 1000:
            taken += 1
        assert answer.json()["type"] == "/problems/storage-full"
        assert len(row_files(full.folder)) == taken
        options: Json = {"method": "gradient_descent", "batch_size": 10, "epochs": 2, "random_state": 1}
        assert post(client, "/fit", inline(100, 80, **options)).status_code == 507
        assert len(row_files(full.folder)) == taken
    full.kill()
    full.start()
    with full.client() as client:
        assert len(made(client.get("/datasets?limit=1000"), 200)["items"]) == taken
        assert made(client.get("/jobs"), 200)["items"] == []
        made(post(client, "/datasets", body))
