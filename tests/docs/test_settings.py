"""Settings: a wrong one is told by its name, before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.process import Service


@pytest.mark.parametrize(
    ("variable", "value"),
    [("LINEFIT_PORT", "tcp://10.0.0.1:8000"), ("LINEFIT_MAX_ROWS", "0"), ("LINEFIT_MAX_EPOCHS", str(2**30))],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_its_name(variable: str, value: str) -> None:
    """An operator reads one line, and no traceback."""
    ran = CliRunner().invoke(main, ["serve"], env={variable: value})

    assert ran.exit_code == 1
    assert ran.output.startswith(f"Error: {variable}={value}: ")
    assert len(ran.output.splitlines()) == 1


def test_a_variable_that_is_no_setting_is_logged(tmp_path: Path) -> None:
    """A misspelt limit does not go unnoticed; it is no error, since Kubernetes sets such variables by itself."""
    with Service(tmp_path / "data", max_row=5) as service:
        assert "LINEFIT_MAX_ROW in the environment is no setting" in service.log()
