"""The service lives, works, and says what it allows."""

import httpx


def test_it_says_that_it_lives_and_works(client: httpx.Client) -> None:
    """Liveness and readiness are 200 once the service listens."""
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
