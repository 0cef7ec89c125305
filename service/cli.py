"""The command `linefit`."""

import json
import logging
from pathlib import Path
from typing import Any

import click
import uvicorn

from service.app import create_app
from service.settings import Settings


@click.group()
@click.version_option(package_name="linefit")
def main() -> None:
    """Fit linear models over HTTP: the rows are summed once, exactly."""


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of the database and the rows.")
def serve(**options: Any) -> None:
    """Run the service. What is not given comes from LINEFIT_… in the environment, or its default."""
    settings = Settings(**{name: value for name, value in options.items() if value is not None})
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        create_app(settings), host=settings.host, port=settings.port, loop="uvloop", http="httptools", log_config=None,
        timeout_graceful_shutdown=5,
    )  # fmt: skip


@main.command()
def openapi() -> None:
    """Print openapi.json as the app serves it."""
    click.echo(json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False))
