"""Bodies that must be there whole before their first row can be read: on disk, and never whole in memory."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from service.ingest.csv_records import Readable

BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def spooled(stream: Readable, folder: Path) -> Iterator[IO[bytes]]:
    """All of the stream, as a file in the folder that has no name: it goes with the process, however that ends.

    Raises: OSError: the disk is full, say; whatever the stream's read raises.
    """
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        while block := stream.read(BLOCK_BYTES):
            left = memoryview(block)
            while left:
                left = left[file.write(left) :]
        file.seek(0)
        yield file
