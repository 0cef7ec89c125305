"""Real services for all tests of the API: tests make things of their own and do not mind each other's.

Every answer that a test gets through `client` or `small` is held against openapi.json on the way.
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.api.conformance import Conformance
from tests.process import Service

# Limits that a few rows exceed, one job at a time, and streams that are soon bored.
SMALL = {
    "max_body_bytes": 16_000_000, "max_json_bytes": 20_000, "body_idle_s": 5.0, "max_rows": 120_000, "max_columns": 40, "max_predict_rows": 5,
    "max_predict_cells": 12,
    "max_page_rows": 7, "max_page_cells": 60, "max_epochs": 2000, "max_minibatch_epochs": 900, "max_history_bytes": 40_000,
    "max_descent_columns": 4, "max_upload_moments_columns": 8, "max_wait_s": 1, "max_unfinished_jobs": 3, "job_threads": 1,
    "keep_alive_s": 0.05,
}  # fmt: skip


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def small_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("small") / "data", **SMALL) as running:
        yield running


@pytest.fixture(scope="session")
def conformance() -> Conformance:
    return Conformance.of_checked_in()


@pytest.fixture(scope="module")
def client(service: Service, conformance: Conformance) -> Iterator[httpx.Client]:
    with service.client() as client:
        client.event_hooks["response"] = [conformance.check]
        yield client


@pytest.fixture(scope="module")
def small(small_service: Service, conformance: Conformance) -> Iterator[httpx.Client]:
    """A client of the service with small limits."""
    with small_service.client() as client:
        client.event_hooks["response"] = [conformance.check]
        yield client
