"""Servers under measurement: each a process of its own, on a free port of 127.0.0.1, stopped by its process id."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import memory
from benchmarks.environments import Environment, Unavailable
from benchmarks.worker import ROOT

SERVER_CORE, CLIENT_CORE = 0, 1
START_S = 60.0
LOG_BYTES = 4000  # of its end, shown if something goes wrong


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    pid: int
    port: int
    start_s: float  # from the command to its first answer
    idle_bytes: int

    def above_idle(self) -> int:
        """The most memory since `forget_peak`, above what it held when it had just started."""
        return memory.peak(self.pid) - self.idle_bytes


@contextmanager
def linefit(core: int | None = None, folder: Path | None = None, **settings: object) -> Iterator[Server]:
    """`linefit serve` on a data folder of its own, which goes with it unless one is given."""
    with tempfile.TemporaryDirectory(prefix="linefit-bench-") as scratch:
        port = free_port()
        command = [
            Path(sys.executable).with_name("linefit"),
            "serve",
            "--port",
            port,
            "--data-dir",
            folder or Path(scratch, "data"),
        ]
        with serving(
            command, port, "/healthz", core, {f"LINEFIT_{name.upper()}": str(value) for name, value in settings.items()}
        ) as server:
            yield server


@contextmanager
def uvicorn(environment: Environment, app: str, core: int | None = None) -> Iterator[Server]:
    """A peer's application, `module:name`, on uvicorn with uvloop and httptools, and without a line of log a request."""
    port = free_port()
    command = [
        environment.python, "-m", "uvicorn", app, "--port", port, "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip
    with serving(command, port, "/ready", core) as server:
        yield server


@contextmanager
def serving(
    command: Sequence[object], port: int, ready: str, core: int | None = None, environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[Server]:  # fmt: skip
    """Run the command until the end of the block, on one core or all. Raises: Unavailable: `ready` is never answered with 200."""
    pinned = [*([] if core is None else ["taskset", "-c", core]), *command]
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in pinned], cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        try:
            _wait_for(process, port, ready)
            start_s = time.perf_counter() - started
            time.sleep(1.0)  # what is still being set up is part of an idle server
            yield Server(process.pid, port, start_s, memory.now(process.pid))
        except Exception:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES))
            sys.stderr.buffer.write(log.read())
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int, ready: str) -> None:
    """Raises: Unavailable."""
    started = time.perf_counter()
    while not _answers(port, ready):
        if process.poll() is not None or time.perf_counter() - started > START_S:
            raise Unavailable("it did not start")
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def run(*command: object) -> None:
    """What a server needs before it starts. Raises: Unavailable."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Unavailable(ran.stderr[-500:])
