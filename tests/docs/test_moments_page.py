"""The page on moments holds: its session answers what is shown, and its examples are the files that are tested."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.docs.test_readme import ADDRESS, END_OF_BLOCK, resembles
from tests.process import Service

PAGE = (ROOT / "docs" / "moments.md").read_text(encoding="utf-8")
SESSION = PAGE[PAGE.index("## Three sites") : PAGE.index("## The form")]
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("moments") / "data") as running:
        yield running


def test_the_three_sites_answer_what_is_shown(service: Service) -> None:
    """Pasted into one bash, each block answers what stands beneath it, but for ids and times."""
    bash = shutil.which("bash")
    assert bash is not None
    found = blocks(SESSION)
    script = "set -euo pipefail\n" + f"\necho; echo '{END_OF_BLOCK}'\n".join(b.text for b in found if b.language == "sh")
    local = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}

    ran = subprocess.run(
        [bash, "-c", script.replace(ADDRESS, service.url)], capture_output=True, env=local, text=True, timeout=60, check=False
    )

    assert ran.returncode == 0, ran.stderr
    shown = [block for block in found if block.language != "sh"]
    for block, output in zip(shown, ran.stdout.split(END_OF_BLOCK), strict=True):
        if block.language == "json":
            assert resembles(json.loads(output), json.loads(block.text)), output
        else:
            assert output.strip().splitlines() == block.text.splitlines()


@pytest.mark.parametrize(("language", "file"), [("sql", "moments_postgresql.sql"), ("c", "moments.c")])
def test_the_examples_shown_are_those_that_are_run(language: str, file: str) -> None:
    """What a reader copies from the page is what a test ran."""
    (shown,) = [block.text for block in blocks(PAGE) if block.language == language]

    assert shown == Path(EXAMPLES, file).read_text(encoding="utf-8")
