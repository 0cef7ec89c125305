"""Names of things, and the time they were made."""

import os
from datetime import UTC, datetime


def new_id(prefix: str) -> str:
    """A fresh id such as `ds_4f0c…`: 80 random bits, so that it cannot be guessed or met twice."""
    return f"{prefix}_{os.urandom(10).hex()}"


def now() -> str:
    """The time in UTC, as RFC 3339 writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
