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

LIMIT_BYTES = 4 << 20  # at 1 MB the network waits while rows are summed up and written: 1.6 GB then take 5.6 s and not 4.6


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
    """The thread's end: `read` blocks until there is something, or the end."""

    def __init__(self, limit_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._limit, self._loop = limit_bytes, loop
        self._room = asyncio.Event()  # touched on the loop alone
        self._changed = threading.Condition()  # guards all below
        self._pieces: deque[bytes | memoryview] = deque()
        self._size = 0
        # Each end is woken once there is much to do, and not for every piece of 64 KB: that took longer than the pieces.
        self._wanted = 0  # the thread waits for so many bytes
        self._is_full = False  # the writer waits for half of it to be free
        self._ended = False
        self._error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """As `read`, into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        """What is at the front, `size` bytes at most, not copied if it is a whole piece; b"" at the end. All if negative.

        Raises: what the writer failed with; ValueError: this end is closed.
        """
        if size is None or size < 0:
            return self.readall()
        with self._changed:
            if not self._size:
                self._wanted = max(1, min(size, self._limit // 2))
            self._changed.wait_for(lambda: self._size >= self._wanted or self._is_full or self._ended or self.closed)
            self._wanted = 0
            if self.closed:
                raise ValueError("read of a closed pipe")
            if self._error is not None:
                raise self._error
            if not self._pieces:
                return b""
            data = self._pieces.popleft()
            if len(data) > size:
                self._pieces.appendleft(memoryview(data)[size:])
                data = data[:size]
            self._size -= len(data)
            has_room = self._is_full and self._size <= self._limit // 2
            self._is_full = self._is_full and not has_room
        if has_room:
            self._wake_writer()
        return bytes(data)

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
                self._is_full = True
                self._changed.notify_all()
                return False
            if data:
                self._pieces.append(data)
                self._size += len(data)
                if self._size >= self._wanted:
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
