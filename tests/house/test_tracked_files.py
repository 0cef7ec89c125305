"""What is in the repository concerns everybody: nothing of one machine, nothing that must not be read."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written so that none matches its own source.
UNWANTED = {
    "a path of one machine": r"(?<![\w.])/(?:home|root|work|Users)/\w",
    "a host of a package registry": r"(?:pypi|pythonhosted|npmjs|crates|conda|quay|ghcr|docker)[.](?:org|com|io)\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY",
    "a token": r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|github_pat_\w{22}|xox[abpr]-\w{10}|sk-[\w-]{20}|glpat-[\w-]{20})",
    "a password in an address": r"\w://[^\s/:@<$\"']+:[^\s/@<${\"']+@\w",
    "a password in a setting": r"(?i)(?:password|passwd|secret|api_?key|token)\"?\s*[:=]\s*[\"'][^\"'\s<$]{8,}[\"']",
}


@cache
def tracked() -> dict[str, str]:
    """The text of every file that git tracks, by its path; one deleted and not yet committed is left out."""
    # A checkout may belong to another user than the one who tests it, which git refuses by itself.
    listing = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names if (ROOT / name).is_file()}


@pytest.mark.parametrize("what", UNWANTED)
def test_no_tracked_file_holds_what_belongs_to_one_machine_or_person(what: str) -> None:
    """A clone works anywhere, installs from any mirror, and gives nothing away."""
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked().items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(UNWANTED[what], line)
    ]

    assert tracked()
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of one machine", "see /" + "home/ann/notes"),
        ("a host of a package registry", "--index-url https://" + "pypi" + ".org/simple"),
        ("a private key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
        ("a token", "ghp_" + "a1" * 18),
        ("a password in an address", "postgresql://linefit:" + "hunter2@db/linefit"),
        ("a password in a setting", "pass" + 'word = "correct-horse"'),
    ],
)
def test_what_is_looked_for_would_be_found(what: str, line: str) -> None:
    """Each pattern matches an example of its kind, so an empty finding means something."""
    assert re.search(UNWANTED[what], line)
