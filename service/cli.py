"""The command `linefit`."""

import gc
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from service.app import Refused, check, create_app, served
from service.connection import Connection
from service.settings import Settings

log = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, which waits for answers that are under way before it ends: those that follow jobs are told to end first."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.services.jobs.watch.end()
        await super().shutdown(sockets)


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
    settings = _settings({name: value for name, value in options.items() if value is not None})
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # No error: in Kubernetes a Service of this name puts variables of its own beside ours.
    for name in sorted(os.environ):
        if name.startswith("LINEFIT_") and name.removeprefix("LINEFIT_").lower() not in Settings.model_fields:
            log.warning("%s in the environment is no setting", name)
    try:
        check(settings)
    except (Refused, OSError) as refused:
        raise click.ClickException(str(refused)) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once it has shut down
    app = create_app(settings)
    # No access log: it takes as long as a prediction, and the addresses of `GET /predict` are somebody's data.
    config = uvicorn.Config(
        served(app), host=settings.host, port=settings.port, loop="uvloop", http=Connection, ws="none", log_config=None,
        access_log=False, timeout_graceful_shutdown=5, proxy_headers=False,  # `served` reads them
    )  # fmt: skip
    server = _Server(config, app)
    gc.collect()
    gc.freeze()  # a full collection among all that is imported would take 80 ms, in which nobody is answered
    # At CPython's 700 objects, which the requests under way hold already, collections take 60 µs of a small fit; here 16.
    gc.set_threshold(5_000, 10, 10)
    server.run()
    if not server.started:
        sys.exit(3)  # it has said why


@main.command()
def openapi() -> None:
    """Print openapi.json as the app serves it."""
    click.echo(json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False))


def _settings(options: Mapping[str, Any]) -> Settings:
    """The settings. Raises: ClickException: one cannot be used."""
    try:
        return Settings(**options)
    except ValidationError as error:
        wrong = [f"LINEFIT_{str(one['loc'][0]).upper()}={one['input']}: {one['msg']}" for one in error.errors()]
        raise click.ClickException("\n".join(wrong)) from None
