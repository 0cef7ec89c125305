"""A real service for tests: the command `linefit serve` in a process of its own, on a real socket."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx

LISTENING = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
START_S, STOP_S = 60, 30


class Service:
    """`linefit serve` on a free port of 127.0.0.1, with its data in `folder`; what is started is stopped, by its process id."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self._settings = {f"LINEFIT_{name.upper()}": str(value) for name, value in settings.items()}
        self._log = folder.with_name(f"{folder.name}.log")
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start, and return once it listens."""
        environment = {**os.environ, **self._settings, "PYTHONUNBUFFERED": "1"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [Path(sys.executable).with_name("linefit"), "serve", "--port", "0", "--data-dir", self.folder],
                env=environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while (found := LISTENING.search(self.log())) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the service did not start:\n{self.log()}")
            time.sleep(0.02)
        self.url = found[1]

    def client(self, **headers: str) -> httpx.Client:
        """A client of this service."""
        return httpx.Client(base_url=self.url, timeout=60, headers=headers, trust_env=False)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as `kill -9` does: no goodbye."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)

    def stop(self) -> None:
        """SIGTERM, as an operator does."""
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(STOP_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
