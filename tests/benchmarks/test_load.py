"""The load generator: it knows when an answer is whole, and reaches the end of its time with none lost."""

import sys

import pytest

from benchmarks import load, servers
from benchmarks.worker import ROOT


@pytest.mark.parametrize(
    ("answer", "is_whole"),
    [
        (b"", False), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False), (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True), (b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 0\r\nc: d\r\n\r\n", True),
    ],
)  # fmt: skip
def test_an_answer_is_whole_when_all_its_bytes_have_come(answer: bytes, *, is_whole: bool) -> None:
    """Else the next request would be sent into the middle of an answer, and counted."""
    assert load.is_whole(answer) is is_whole


def test_every_request_that_is_counted_was_answered() -> None:
    """Rate, last answer and the time of each come from the same run."""
    port = servers.free_port()
    command = [sys.executable, "-c", f"from benchmarks import load; load.serve_nothing({port})"]
    with servers.serving(command, port, "/", cwd=ROOT):
        rate, last, latencies = load.per_second(port, load.request("/", b"{}"), 0.1, 4)

    assert rate > 0
    assert last.endswith(b"\r\n\r\n{}")
    assert len(latencies) >= 4
    assert latencies == sorted(latencies)
