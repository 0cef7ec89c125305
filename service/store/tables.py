"""The SQL tables, and how to use them: `read()` sees what is committed, `write()` is one transaction, `add()` shares one.

SQLAlchemy Core and nothing particular to SQLite in the tables, so that PostgreSQL is a URL away.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table, event

from service.store.additions import Additions, Also, Row

metadata = MetaData()
# SQLite counts rows by itself only in an INTEGER key.
Sequence = BigInteger().with_variant(Integer, "sqlite")

# The states of a job that has not ended.
UNFINISHED = ("queued", "running")


def _sequence() -> "Column[int]":
    """The order in which things were made: lists are newest first by it."""
    return Column("seq", Sequence, primary_key=True, autoincrement=True)


datasets = Table(
    "datasets",
    metadata,
    _sequence(),
    Column("id", String, unique=True, nullable=False),
    Column("name", String, nullable=False),
    Column("numbers", String, nullable=False),
    Column("window", LargeBinary),  # JSON: which rows stay when others are appended; None: all
    Column("created_at", String, nullable=False),
    sqlite_autoincrement=True,
)

# A version has the parts that were added up to it.
versions = Table(
    "dataset_versions",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("n_samples", BigInteger, nullable=False),
    Column("columns", LargeBinary, nullable=False),  # JSON: name, type, mean, std, min, max of each
    Column("created_at", String, nullable=False),
)

parts = Table(
    "dataset_parts",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("added_in", Integer, primary_key=True),
    Column("file", String, nullable=False),
    Column("first_row", BigInteger, nullable=False, server_default="0"),  # of the file; those before it have left
    Column("n_rows", BigInteger, nullable=False),  # from there on
    Column("columns", LargeBinary),  # JSON: what is known of the columns of these rows, as in a version
)

# Sums over the first blocks of a row file, one block more at a time: the rows between two places are one difference.
running_sums = Table(
    "running_sums",
    metadata,
    Column("file", String, primary_key=True),
    Column("columns_key", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

moments = Table(
    "moments",
    metadata,
    Column("dataset_id", ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),  # 0, 1, …: those made at upload; below 0: made for a fit
    Column("columns_key", String, nullable=False),  # or of the whole design of a fit
    Column("value", LargeBinary, nullable=False),
    Column("found", LargeBinary),  # JSON: what the pass over the rows found besides
)

models = Table(
    "models",
    metadata,
    _sequence(),
    Column("id", String, unique=True, nullable=False),
    Column("dataset_id", String),
    Column("body", LargeBinary, nullable=False),  # JSON: what GET /models/{id} answers
    Column("evaluation", LargeBinary, nullable=False),  # JSON: the form that predictions use
    Column("moments", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

# Of a model whose standard errors do not follow from the moments alone, what they are made of: see `Covariance` of the solver.
meats = Table(
    "meats",
    metadata,
    Column("model_id", ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("value", LargeBinary, nullable=False),  # float64, little-endian, (c, c)
)

aliases = Table(
    "aliases",
    metadata,
    _sequence(),
    Column("name", String, unique=True, nullable=False),
    Column("model_id", ForeignKey("models.id"), nullable=False, index=True),
    Column("etag", String, nullable=False),
    Column("updated_at", String, nullable=False),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    _sequence(),
    Column("id", String, unique=True, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("task", LargeBinary, nullable=False),  # JSON: what was asked, every default filled in
    Column("moments", LargeBinary),  # what the fit is a function of; None until it has been read from the rows
    Column("found", LargeBinary),  # JSON: what the pass over the rows found besides
    Column("rows_dataset_id", String),  # the data set whose rows it reads while it is unfinished
    Column("rows_file", String),  # or its own row file, of an inline fit
    Column("epoch", BigInteger, nullable=False),
    Column("model_id", String),
    Column("problem", LargeBinary),
    Column("created_at", String, nullable=False),
    Column("finished_at", String),
    sqlite_autoincrement=True,
)

# The rows that came in the call of a fit, if they are few: for what a model is asked later that takes its rows.
inline_rows = Table(
    "inline_rows",
    metadata,
    Column("job_id", String, primary_key=True),  # which may be forgotten before its model
    Column("value", LargeBinary, nullable=False),  # float64, little-endian, a column after the other
)

# Mini-batch descent only: a batch descent needs no history. Each row is a run of epochs; the last is the checkpoint.
history = Table(
    "job_history",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("first_epoch", BigInteger, primary_key=True),
    Column("n_epochs", Integer, nullable=False),
    Column("states", LargeBinary, nullable=False),  # float64, little-endian, (n_epochs, 1 + n_coef): loss, parameters
)

idempotency = Table(
    "idempotency_keys",
    metadata,
    Column("key", String, primary_key=True),
    Column("request", String, nullable=False),  # a digest of all that was asked
    Column("answer", LargeBinary, nullable=False),  # JSON: the answer, or the job that is making it
    Column("created_at", sa.Float, nullable=False, index=True),  # seconds since the epoch
)


class Store:
    """The database. Threads share it; writers take turns by a lock, as SQLite has one writer and polls for it."""

    def __init__(self, url: str, sqlite_synchronous: str = "FULL") -> None:
        self._engine = sa.create_engine(url)
        self._committed = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writing = threading.Lock()
        if self._engine.dialect.name == "sqlite":
            _prepare_sqlite(self._engine, sqlite_synchronous)
        metadata.create_all(self._engine)
        self._additions = Additions(self.write)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees what is committed, statement by statement."""
        with self._committed.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction: on disk when the block has ended, or undone if it raised."""
        with self._writing, self._engine.begin() as connection:
            yield connection

    def add(self, rows: list[Row], also: Also | None = None) -> "Future[None]":
        """Rows that are new, and what else belongs into their transaction, which others may share; on disk when done.

        Raises, from the future: what `also` does, which leaves nothing of this; it may be called again if others fail.
        """
        return self._additions.add(rows, also)

    def empty_log(self) -> None:
        """What was deleted leaves the write-ahead log too, as far as nobody reads from it just now. Of SQLite alone."""
        if self._engine.dialect.name == "sqlite":
            with self._writing, self.read() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Gives the connections back once all is written; the store is not used after."""
        self._additions.close()
        self._engine.dispose()


def _prepare_sqlite(engine: sa.Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: sa.pool.PoolProxiedConnection, _record: object) -> None:
        # Transactions are begun below, not by the driver, which would begin them late and then fail to upgrade.
        connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3.Connection, which the event does not say
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            "busy_timeout = 10000",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # Not get_isolation_level(): SQLite's driver says SERIALIZABLE of every connection, and readers would lock each other out.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
