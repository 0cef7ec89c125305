"""The page on the API holds: what it shows of fits and models, pasted into bash, is answered and not refused."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks
from tests.process import Service

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
# From fits to what blocks of rows changed: what comes before and after speaks of files and jobs that are the reader's own.
EXAMPLES = PAGE[PAGE.index("## Fitting") : PAGE.index("## Events")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("page") / "data") as running:
        yield running


def test_every_example_of_a_fit_and_of_what_is_asked_of_a_model_works(service: Service, tmp_path: Path) -> None:
    """A reader pastes them one after the other, and nothing is a problem."""
    bash, found = shutil.which("bash"), [block.text for block in blocks(EXAMPLES) if block.language == "sh"]
    assert bash is not None
    local = os.environ | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "URL": service.url}

    ran = subprocess.run(
        [bash, "-c", "set -euo pipefail\n" + "\necho\n".join(found)],
        cwd=tmp_path, capture_output=True, env=local, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert len(found) > 7
    assert "/problems/" not in ran.stdout


def test_the_contents_list_every_section_in_its_order() -> None:
    """A reader finds a section by the list at the top."""
    head = PAGE[: PAGE.index("\n## ")]

    assert re.findall(r"^- \[([^\]]+)\]", head, re.MULTILINE) == re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
