"""A bounded pipe from an async body to the thread that parses it.

The event loop writes and a thread reads. A writer too fast waits without blocking the loop; a reader too fast blocks its
thread. Either end may go: a reader that is closed makes the next write fail, a writer that fails makes the next read fail.
"""

import asyncio
import contextlib
import io
import threading
from collections import deque
from types import TracebackType
from typing import Self

LIMIT_BYTES = 1 << 20


class Pipe:
    """The loop's end. Leaving `async with` closes it, or fails it with the error on the way.

    The thread's end is `reader`; use it in a `with`, so that a parser that dies lets go of the writer.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Hold up to `limit_bytes`, and one piece more."""
        self.reader = Reader(limit_bytes, asyncio.get_running_loop())

    async def write(self, data: bytes) -> None:
        """Hand over data, once there is room.

        Raises: BrokenPipeError: the reader is closed.
        """
        while not self.reader._took(data):
            await self.reader._room.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.reader._end(error)


class Reader(io.RawIOBase):
    """The thread's end: `read` blocks until it has all it was asked for, or the end."""

    def __init__(self, limit_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._limit, self._loop = limit_bytes, loop
        self._room = asyncio.Event()  # touched on the loop alone
        self._changed = threading.Condition()  # guards all below
        self._pieces: deque[memoryview] = deque()
        self._size = 0
        self._ended = False
        self._error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Fill the buffer with what there is, waiting if there is nothing; 0 at the end.

        Raises: what the writer failed with; ValueError: this end is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._pieces or self._ended or self.closed)
            if self.closed:
                raise ValueError("read of a closed pipe")
            if self._error is not None:
                raise self._error
            n_read = 0
            while self._pieces and n_read < len(buffer):
                piece = self._pieces.popleft()
                part = piece[: len(buffer) - n_read]
                buffer[n_read : n_read + len(part)] = part
                n_read += len(part)
                if len(part) < len(piece):
                    self._pieces.appendleft(piece[len(part) :])
            self._size -= n_read
        self._wake_writer()
        return n_read

    def read(self, size: int | None = -1, /) -> bytes:
        """Read exactly `size` bytes, fewer only at the end; all there is if `size` is negative."""
        if size is None or size < 0:
            return self.readall()
        buffer = bytearray(size)
        n_read = 0
        while n_read < size and (n := self.readinto(memoryview(buffer)[n_read:])):
            n_read += n
        return bytes(memoryview(buffer)[:n_read])

    def close(self) -> None:
        """Let go of the writer: its next write raises BrokenPipeError."""
        with self._changed:
            super().close()
            self._pieces.clear()
            self._changed.notify_all()
        self._wake_writer()

    def _took(self, data: bytes) -> bool:
        with self._changed:
            if self.closed:
                raise BrokenPipeError("the reader is gone")
            if self._ended:
                raise ValueError("write to a closed pipe")
            if self._size and self._size + len(data) > self._limit:
                self._room.clear()
                return False
            if data:
                self._pieces.append(memoryview(data))
                self._size += len(data)
                self._changed.notify_all()
            return True

    def _end(self, error: BaseException | None) -> None:
        with self._changed:
            if not self._ended:
                self._ended, self._error = True, error
                self._changed.notify_all()

    def _wake_writer(self) -> None:
        if not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it closed just now: there is no writer to wake
                self._loop.call_soon_threadsafe(self._room.set)
