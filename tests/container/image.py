"""Runs the Dockerfile without a container engine: `.ci/image`.

The build stage's COPY and RUN lines are taken from the Dockerfile itself and run in an empty folder, with a fresh virtual
environment in the place of the base image and TOOLS and VENV (build arguments for this purpose) pointing into that folder. So
a file that COPY forgets, a dependency that the serving lock lacks or a build tool that is not locked fails here as it would
there. Then the final stage's CMD serves on a free port of 127.0.0.1 with its ENV, and its HEALTHCHECK must pass. What this
cannot show is what only an engine does: users, volumes, and the base image itself.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.container.dockerfile import Instruction, environment, only, stages

ROOT = Path(__file__).parents[2]
START_S = 60  # to import everything on a busy machine
STOP_S = 20


def clean_environment(binaries: Path) -> dict[str, str]:
    """The environment without LINEFIT_ and PYTHON settings of whoever runs this, with `binaries` first on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LINEFIT_", "PYTHON", "VIRTUAL_ENV"))}
    return kept | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}


def copy(instruction: Instruction, source: Path) -> None:
    """COPY from the checkout into `source`; byte code stays behind, as .dockerignore says."""
    *names, target = instruction.rest.split()
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / target)


def build(stage: list[Instruction], folder: Path) -> Path:
    """Run the build stage in `folder`; the virtual environment that it ships."""
    source, base, shipped = folder / "src", folder / "base", folder / "linefit"
    source.mkdir()
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    values = environment(stage, clean_environment(base / "bin")) | {"TOOLS": str(folder / "tools"), "VENV": str(shipped)}
    for instruction in stage:
        if instruction.name == "COPY":
            copy(instruction, source)
        elif instruction.name == "RUN":
            print(f"RUN {instruction.rest}", flush=True)
            subprocess.run(["/bin/sh", "-ec", instruction.rest], cwd=source, env=values, check=True, stdin=subprocess.DEVNULL)
    return shipped


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def becomes_healthy(server: subprocess.Popen[bytes], probe: list[str], values: dict[str, str], cwd: Path) -> bool:
    """Whether the HEALTHCHECK passes within START_S seconds while the server runs."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        if subprocess.run(probe, cwd=cwd, env=values, check=False, stderr=subprocess.DEVNULL).returncode == 0:
            return server.poll() is None
        time.sleep(0.2)
    return False


def serve(stage: list[Instruction], shipped: Path, folder: Path) -> None:
    """Start the final stage's CMD, pass its HEALTHCHECK, stop it by SIGTERM. Raises: SystemExit: one of them fails."""
    data = folder / "data"
    data.mkdir()
    values = environment(stage, clean_environment(shipped / "bin"))
    # The image's own environment stands where ours does; its /data and its port are this machine's folder and a free one.
    values |= {"PATH": f"{shipped / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    values |= {"LINEFIT_DATA_DIR": str(data), "LINEFIT_PORT": str(free_port())}
    command = ["127.0.0.1" if word == "0.0.0.0" else word for word in only(stage, "CMD").exec_form()]
    command[0] = str(shipped / "bin" / command[0])
    probe = only(stage, "HEALTHCHECK").exec_form()
    probe[0] = str(shipped / "bin" / probe[0])
    print(f"CMD {' '.join(command)}", flush=True)
    with subprocess.Popen(command, cwd=data, env=values, stdin=subprocess.DEVNULL) as server:
        try:
            if not becomes_healthy(server, probe, values, data):
                sys.exit("the image's HEALTHCHECK did not pass")
            server.send_signal(signal.SIGTERM)
            server.wait(STOP_S)
        finally:
            server.kill()  # does nothing once it has stopped
    # 0, or uvicorn's own way of ending by the signal after it has shut down.
    if server.returncode not in (0, -signal.SIGTERM):
        sys.exit(f"the server stopped with {server.returncode}")


def main() -> None:
    (_base, build_stage, final_stage) = stages(ROOT / "Dockerfile")
    with tempfile.TemporaryDirectory(prefix="linefit-image-") as name:
        folder = Path(name)
        shipped = build(build_stage, folder)
        serve(final_stage, shipped, folder)
    print("the image's commands build, serve, pass their HEALTHCHECK and stop")


if __name__ == "__main__":
    main()
