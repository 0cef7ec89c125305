"""The peers' own environments, made on first use below linefit's."""

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
BELOW = Path(sys.prefix)
OURS = Path(sys.executable)


class Unavailable(Exception):
    """A peer cannot be had on this machine, and why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that holds peers."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def bin(self) -> Path:
        return self.folder / "bin"


@cache
def libraries() -> Environment:
    """scikit-learn, statsmodels, pandas, H2O's client, FastAPI and others. Raises: Unavailable."""
    return _made("peers", "peers.txt")


@cache
def mlserver() -> Environment:
    """MLServer with its runtime for scikit-learn. Raises: Unavailable."""
    return _made("peers-mlserver", "peers-mlserver.txt")


def _made(name: str, requirements: str) -> Environment:
    """The environment, installed if its ranges have changed since, or it is not there."""
    found, wanted = Environment(BELOW / name), (HERE / requirements).read_text(encoding="utf-8")
    stamp = found.folder / "installed"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"installing the peers of {requirements}: a minute or two", flush=True)
        _run(str(OURS), "-m", "venv", str(found.folder))
        _run(
            str(found.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / requirements)
        )
        stamp.write_text(wanted, encoding="utf-8")
    return found


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise Unavailable(f"not installed: {(ran.stderr.strip().splitlines() or ['pip failed'])[-1]}")
