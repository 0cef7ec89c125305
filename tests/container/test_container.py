"""What the container promises, as far as it can be seen without an engine. `.ci/image` runs the image's own commands."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.container.dockerfile import environment, only, stages

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "docker-compose.yml"
FINAL = stages(DOCKERFILE)[-1]

# What must hold of the service whatever else the file comes to say.
SAFE: dict[str, object] = {
    "ports": ["127.0.0.1:8000:8000"],
    "volumes": ["data:/data"],
    "read_only": True,
    "tmpfs": ["/tmp"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}


def composed() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def compose_command() -> list[str] | None:
    """The compose plugin or the older program of its own, whichever this machine has."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0
        ):
            return command
    return None


def test_hadolint_has_nothing_to_say_about_the_dockerfile() -> None:
    """The Dockerfile follows its linter's every rule, with none switched off."""
    hadolint = Path(sys.executable).with_name("hadolint")

    verdict = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)

    assert (verdict.returncode, verdict.stdout + verdict.stderr) == (0, "")
    assert "hadolint ignore" not in DOCKERFILE.read_text(encoding="utf-8")


def test_the_service_runs_as_a_user_of_fixed_number_that_is_not_root() -> None:
    """A break-in is not root, and a volume keeps its owner from image to image."""
    uid, gid = only(FINAL, "USER").rest.split(":")

    assert int(uid) >= 10_000
    assert int(gid) >= 10_000


def test_the_final_image_takes_nothing_but_the_environment_from_the_build() -> None:
    """No compiler, no wheel, no source and no lock is shipped; the base image's own pip is removed."""
    copies = [instruction.rest for instruction in FINAL if instruction.name in ("COPY", "ADD")]
    runs = " ".join(instruction.rest for instruction in FINAL if instruction.name == "RUN")

    assert copies == ["--from=build /opt/linefit /opt/linefit"]
    assert "pip uninstall" in runs
    assert "pip install" not in runs
    assert "apt-get" not in runs


def test_everything_that_pip_fetches_for_the_image_is_checked_against_a_hash() -> None:
    """Each `pip install` either requires hashes or may not look at an index."""
    runs = [instruction.rest for instruction in stages(DOCKERFILE)[1] if instruction.name == "RUN"]
    fetches = [step for run in runs for step in run.split("&&") if "-m pip" in step]

    assert fetches
    assert all("--require-hashes" in step or "--no-index" in step for step in fetches)


def test_data_live_in_the_volume_and_the_port_is_the_one_exposed() -> None:
    """What the service keeps outlives its container, and what it listens on is what the image says."""
    values = environment(FINAL, {"PATH": ""})

    assert only(FINAL, "VOLUME").rest == values["LINEFIT_DATA_DIR"] == "/data"
    assert only(FINAL, "EXPOSE").rest == values["LINEFIT_PORT"] == "8000"


def test_only_what_the_dockerfile_copies_is_sent_to_a_builder() -> None:
    """Data, environments and history stay where they are; nothing that is copied is left out."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        name.removeprefix("./")
        for instruction in stages(DOCKERFILE)[1]
        if instruction.name == "COPY"
        for name in instruction.rest.split()[:-1]
    }

    assert "*" in ignore
    assert {line[1:] for line in ignore if line.startswith("!")} == copied


def test_compose_confines_the_service() -> None:
    """By default: this machine only, a read-only root, no capability, no new privilege, one named volume."""
    service = composed()["services"]["linefit"]

    assert {key: service[key] for key in SAFE} == SAFE
    assert "privileged" not in service
    assert "profiles" not in service, "`docker compose up` alone runs it"
    assert "data" in composed()["volumes"]


def test_compose_tags_the_image_with_the_version_of_the_package() -> None:
    """The tag never says another version than the package inside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert composed()["services"]["linefit"]["image"] == f"linefit:{project['version']}"


def test_compose_itself_accepts_the_file() -> None:
    """`docker compose config` (or Debian's docker-compose) finds no fault.

    Where neither is installed this is skipped, and the two tests above, which read the YAML themselves, are what there is.
    """
    command = compose_command()
    if command is None:
        pytest.skip("no docker compose here; the file is checked by the tests that read it")

    verdict = subprocess.run(
        [*command, "--file", COMPOSE, "config", "--quiet"], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert verdict.returncode == 0, verdict.stderr
