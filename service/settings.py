"""Every setting, once: read from the environment (`LINEFIT_…`) by the app and the command line only."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """What an operator may change. Limits are what one request may ask for; `GET /limits` shows them."""

    model_config = SettingsConfigDict(env_prefix="LINEFIT_", extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one and prints it")
    data_dir: Path = Field(Path("data"), description="folder of the database and the row files; made if missing")
    database_url: str = Field("", description="SQLAlchemy URL; empty is SQLite in `data_dir`")
    sqlite_synchronous: Literal["FULL", "NORMAL"] = Field(
        "FULL", description="FULL survives a power cut, NORMAL only the death of the process, and is faster"
    )

    source_roots: str = Field("", description="addresses under which a `source` may be read, separated by spaces; empty: none")

    max_body_bytes: Count = Field(10 * 1024 * MIB, description="largest body that is not JSON, which is streamed")
    max_json_bytes: Count = Field(64 * MIB, description="largest JSON body, which is read whole")
    body_idle_s: float = Field(60.0, gt=0, description="seconds of silence in a body before it is given up")
    max_rows: Count = Field(1_000_000_000, description="most rows of a data set")
    max_columns: Count = Field(1000, description="most columns of a data set, and of a fit")
    max_predict_rows: Count = Field(1_000_000, description="most rows of one prediction")
    max_predict_cells: Count = Field(100_000_000, description="most cells of one prediction, rows times terms or features")
    max_page_rows: Count = Field(100_000, description="most rows of one page of a data set")
    max_page_cells: Count = Field(10_000_000, description="most cells of such a page, rows times columns; most contributions")
    # Up to 2^30 - 1, powers of the step are right to the last bits of a double.
    max_epochs: Count = Field(
        1_000_000_000,
        le=2**30 - 1,
        description="most epochs of a descent, 1073741823 at most; a mini-batch one has limits of its own",
    )
    max_minibatch_epochs: Count = Field(1_000_000, description="most epochs of a mini-batch descent, within `max_epochs`")
    max_history_bytes: Count = Field(1024 * MIB, description="most bytes of the history that a mini-batch descent keeps")
    max_descent_columns: Count = Field(200, description="most features of a gradient descent")
    max_upload_moments_columns: Count = Field(128, description="up to so many numeric columns are summed during upload")
    max_wait_s: Count = Field(60, description="longest wait of `Prefer: wait=N`, in seconds")
    max_unfinished_jobs: Count = Field(1000, description="most jobs queued and running at once")

    solver_processes: Count = Field(1, description="worker processes for ball arithmetic that is long")
    solver_threads: int = Field(
        0,
        ge=0,
        description="threads that read CSV and sum up rows, for all requests together; 0 is one a core that the process may use",
    )
    request_threads: Count = Field(32, description="threads for what requests do: parsing, short fits, predictions, disk")
    upload_threads: Count = Field(32, description="streamed uploads at once; further ones wait, and hold up nothing else")
    job_threads: Count = Field(4, description="jobs that run at once")
    model_cache: Count = Field(10_000, description="fitted models kept in memory")
    event_cache_bytes: Count = Field(64 * MIB, description="encoded events kept in memory for all clients")
    keep_alive_s: float = Field(15.0, gt=0, description="seconds of silence on a stream before a comment is sent")
    checkpoint_s: float = Field(0.3, gt=0, description="seconds between the saves of a mini-batch descent")
    idempotency_ttl_s: Count = Field(86_400, description="how long an Idempotency-Key is remembered, in seconds")
