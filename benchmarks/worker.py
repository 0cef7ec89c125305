"""A process of another environment that calls functions for us, one line of JSON a call.

Peers have packages that linefit has not, and each side keeps its data in memory between runs, as it would in use. This
module is the parent's half and the child's, and imports the standard library alone, for it runs in every environment.
"""

import importlib
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]


class CallFailed(Exception):
    """What was called raised: the child's traceback."""


class Worker:
    """A process that calls functions by name, one after the other."""

    def __init__(self, python: Path) -> None:
        """Args: python: the interpreter, which says the environment."""
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.worker"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, function: str, *arguments: Any, **named: Any) -> Any:
        """What `module:function` gives, as JSON has it. Raises: CallFailed."""
        self.start(function, *arguments, **named)
        return self.result()

    def start(self, function: str, *arguments: Any, **named: Any) -> None:
        """Begin a call, whose result is asked for later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([function, arguments, named]).encode() + b"\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """What the call that was started gives. Raises: CallFailed."""
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise CallFailed(f"the process ended with {self._process.wait()}")
        found = json.loads(answer)
        if "failed" in found:
            raise CallFailed(found["failed"])
        return found["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


def main() -> None:
    """Answer until there is nothing more to read. What is called may print: that goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin:
        name, arguments, named = json.loads(line)
        module, function = name.split(":")
        try:
            answer = {"value": getattr(importlib.import_module(module), function)(*arguments, **named)}
        except Exception:  # whatever it is, the parent hears of it
            answer = {"failed": traceback.format_exc()}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
