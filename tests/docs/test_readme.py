"""The README works: each line of its tour, pasted into bash, answers what is shown beneath it."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.process import Service

README = (ROOT / "README.md").read_text(encoding="utf-8")
TOUR = README[README.index("## A tour") : README.index("## From Python")]
ADDRESS = "http://127.0.0.1:8000"
END_OF_BLOCK = "--- end of block ---"
VARIES = {"created_at", "finished_at", "updated_at", "duration_ms"}
ANY_ID = re.compile(r"(ds|mdl|job)_[0-9a-f]{20}")
A_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
# A proxy is for other hosts.
ENVIRONMENT = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
# Sums of doubles in the last digit may differ between processors; what is exact is held to the bit elsewhere.
CLOSE = 1e-9


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("readme") / "data") as running:
        yield running


def sessions() -> list[tuple[str, str | None]]:
    """The tour's commands, each with the answer that is shown beneath it."""
    found = blocks(TOUR)
    shown = [after.text if after.language != "sh" else None for after in found[1:]] + [None]
    return [(block.text, answer) for block, answer in zip(found, shown, strict=True) if block.language == "sh"]


def resembles(got: Any, shown: Any, name: str = "") -> bool:
    """Whether an answer is the one shown, but for ids, times and the last digits."""
    if name in VARIES:
        return type(got) is type(shown)
    if isinstance(shown, dict):
        return isinstance(got, dict) and got.keys() == shown.keys() and all(resembles(got[k], shown[k], k) for k in shown)
    if isinstance(shown, list):
        return isinstance(got, list) and len(got) == len(shown) and all(map(resembles, got, shown))
    if isinstance(shown, float) and isinstance(got, float):
        return math.isclose(got, shown, rel_tol=CLOSE)
    if isinstance(shown, str) and (kind := ANY_ID.fullmatch(shown)):
        return isinstance(got, str) and (own := ANY_ID.fullmatch(got)) is not None and own[1] == kind[1]
    return bool(got == shown)


def resembles_in_part(got: list[str], shown: list[str]) -> bool:
    """Whether the lines shown come in this order; a line of … stands for any, and one that ends so for its beginning."""
    place = 0
    for line in shown:
        if line == "…":
            continue
        while place < len(got) and not line_resembles(got[place], line):
            place += 1
        place += 1
    return place <= len(got)


def line_resembles(got: str, shown: str) -> bool:
    if shown.endswith("…"):
        return ANY_ID.sub(r"\1_", got).startswith(ANY_ID.sub(r"\1_", shown.rstrip(" …")))
    if "{" not in shown:
        return _without_varying(got) == _without_varying(shown)
    if shown.startswith("data: {") and got.startswith("data: {"):
        return resembles(json.loads(got[6:]), json.loads(shown[6:]))
    return resembles(got, shown)


def _without_varying(line: str) -> str:
    """A line of text with all ids and times alike."""
    return A_TIME.sub("time", ANY_ID.sub(r"\1_", line))


def test_every_line_of_the_tour_answers_what_is_shown_beneath_it(service: Service, tmp_path: Path) -> None:
    """A new user's first five minutes hold no surprise; pasted as they are, in one bash, from the first block to the last."""
    bash = shutil.which("bash")
    assert bash is not None
    tour = sessions()
    assert len(tour) > 10
    script = "set -euo pipefail\n" + f"\necho; echo '{END_OF_BLOCK}'\n".join(commands for commands, _ in tour)

    ran = subprocess.run(
        [bash, "-c", script.replace(ADDRESS, service.url)],
        cwd=tmp_path,
        capture_output=True,
        env=ENVIRONMENT,
        text=True,
        timeout=100,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    outputs = ran.stdout.split(END_OF_BLOCK)
    assert len(outputs) == len(tour)
    for (commands, shown), output in zip(tour, outputs, strict=True):
        lines = output.strip().splitlines()
        if shown is None:
            problems = [line for line in lines if "/problems/" in line]
            assert problems == [], commands
        elif shown.startswith("{"):
            assert resembles(last_object(output), json.loads(shown)), f"{commands}\nanswered\n{output}"
        else:
            assert resembles_in_part(lines, shown.strip().splitlines()), f"{commands}\nanswered\n{output[:3000]}"


def last_object(output: str) -> Any:
    """The last JSON object printed, on one line or indented; curl ends none of them with a newline."""
    decoder, text = json.JSONDecoder(), output.strip()
    starts = [i for i, letter in enumerate(text) if letter == "{"]
    for start in starts:
        try:
            value, end = decoder.raw_decode(text[start:])
        except json.JSONDecodeError:
            continue
        if start + end == len(text):
            return value
    raise AssertionError(f"no JSON at the end of {output}")


def test_the_tour_answers_no_less_than_it_promises() -> None:
    """The comparison itself can fail: an answer that lacks a field, or has another number, is not the one shown."""
    shown = {"id": "ds_" + "0" * 20, "n": 5, "loss": 0.25}

    assert resembles({"id": "ds_" + "a" * 20, "n": 5, "loss": 0.25 * (1 + 1e-12)}, shown)
    for other in ({"id": "mdl_" + "0" * 20}, {"n": 6}, {"loss": 0.26}, {"more": 1}):
        assert not resembles(shown | other, shown)
    assert not resembles_in_part(["a", "b"], ["b", "a"])


def test_the_python_example_runs(service: Service) -> None:
    """Copied into a file, it fits, predicts and follows a descent."""
    (example,) = [block.text for block in blocks(README) if block.language == "python"]

    ran = subprocess.run(
        [sys.executable, "-c", example.replace(ADDRESS, service.url)],
        capture_output=True,
        env=ENVIRONMENT,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    fit, predictions, epoch = ran.stdout.splitlines()
    assert fit.startswith("1.03 [1.98] 0.99")
    assert [round(value, 10) for value in json.loads(predictions)] == [8.95, 10.93]
    assert epoch.startswith("100 ")


def test_the_browser_example_follows_the_events_that_are_sent(service: Service) -> None:
    """The names it listens to are those of the protocol."""
    (example,) = [block.text for block in blocks(README) if block.language == "js"]
    body = {"X": [[0.0], [1.0], [2.5]], "y": [1.0, 2.0, 3.0], "method": "gradient_descent", "epochs": 20}
    with service.client() as client:
        job = client.post("/fit", json=body).json()
        sent = client.get(f"/jobs/{job['id']}/events", params={"every": 10}).text

    names = set(re.findall(r"^event: (\w+)$", sent, re.MULTILINE))
    assert names == {"job", "epoch", "done"}
    assert all(f'"{name}"' in example for name in names - {"job"})
