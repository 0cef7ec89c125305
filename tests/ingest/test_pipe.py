"""The pipe from an async body to the thread that parses it: bounded, and neither end outlives the other."""

import asyncio
import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest import csv_rows
from service.ingest.errors import RaggedRow
from service.ingest.pipe import Pipe, Reader


@given(pieces=st.lists(st.binary(max_size=50), max_size=30), limit=st.integers(1, 100), size=st.integers(1, 60))
def test_what_is_written_is_read_in_pieces_of_any_size(pieces: list[bytes], limit: int, size: int) -> None:
    """Reading answers no more bytes than asked for, and none only at the end; no piece is cut that fits."""

    def read(reader: Reader) -> list[bytes]:
        with reader:
            return list(iter(lambda: reader.read(size), b""))

    async def run() -> list[bytes]:
        async with Pipe(limit) as pipe:
            reading = asyncio.create_task(asyncio.to_thread(read, pipe.reader))
            for piece in pieces:
                await pipe.write(piece)
        return await reading

    parts = asyncio.run(run())

    assert b"".join(parts) == b"".join(pieces)
    assert all(0 < len(part) <= size for part in parts)
    assert len(parts) <= sum(-(-len(piece) // size) for piece in pieces)


def test_a_writer_waits_for_room_without_blocking_the_loop() -> None:
    """No more is held than the limit, and the loop goes on meanwhile."""

    async def run() -> bytes:
        async with Pipe(limit_bytes=10) as pipe:
            await pipe.write(b"0123456789")
            writing = asyncio.create_task(pipe.write(b"more"))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not writing.done()
            first = await asyncio.to_thread(pipe.reader.read, 10)
            await writing
        return first + await asyncio.to_thread(pipe.reader.read)

    assert asyncio.run(run()) == b"0123456789more"


def test_a_piece_larger_than_the_limit_passes() -> None:
    """Once what was before it has been read."""

    async def run() -> bytes:
        async with Pipe(limit_bytes=10) as pipe:
            reading = asyncio.create_task(asyncio.to_thread(pipe.reader.read))
            await pipe.write(b"a")
            await pipe.write(bytes(1000))
        return await reading

    assert len(asyncio.run(run())) == 1001


def test_a_reader_that_is_closed_makes_the_waiting_writer_fail() -> None:
    """A parser that died does not leave the upload hanging."""

    async def run() -> None:
        pipe = Pipe(limit_bytes=10)
        await pipe.write(bytes(10))
        writing = asyncio.create_task(pipe.write(b"more"))
        await asyncio.sleep(0)
        await asyncio.to_thread(pipe.reader.close)
        with pytest.raises(BrokenPipeError):
            await writing
        with pytest.raises(BrokenPipeError):
            await pipe.write(b"again")

    asyncio.run(run())


def test_a_writer_that_fails_makes_the_waiting_reader_fail() -> None:
    """A client that went does not leave a thread hanging, and half a body is not taken for a whole one."""

    async def run() -> None:
        pipe = Pipe()
        reading = asyncio.create_task(asyncio.to_thread(pipe.reader.read, 100))
        with pytest.raises(ConnectionResetError):
            await send(pipe)
        with pytest.raises(ConnectionResetError):
            await reading

    async def send(pipe: Pipe) -> None:
        async with pipe:
            await pipe.write(b"half")
            raise ConnectionResetError

    asyncio.run(run())


def test_a_reader_closed_by_another_thread_stops_reading() -> None:
    """So a blocked parser can be told to end."""

    async def run() -> None:
        pipe = Pipe()
        closing = threading.Timer(0.01, pipe.reader.close)
        closing.start()
        with pytest.raises(ValueError, match="closed"):
            await asyncio.to_thread(pipe.reader.read, 1)
        closing.join()

    asyncio.run(run())


def test_the_threads_end_is_a_file() -> None:
    """Whatever reads binary files can read it."""

    async def run() -> list[bytes]:
        async with Pipe() as pipe:
            assert (pipe.reader.readable(), pipe.reader.writable(), pipe.reader.seekable()) == (True, False, False)
            await pipe.write(b"one\ntwo\n")
        return await asyncio.to_thread(list, io.BufferedReader(pipe.reader))

    assert asyncio.run(run()) == [b"one\n", b"two\n"]


def test_a_csv_is_refused_while_it_is_still_being_sent() -> None:
    """An error in the first block reaches the sender before the last."""

    def parse(reader: Reader) -> int:
        with reader:
            return sum(batch.num_rows for batch in csv_rows.batches(reader, block_bytes=100))

    async def send(pipe: Pipe) -> None:
        await pipe.write(b"x,y\n1,2\n3\n")
        while True:
            await pipe.write(b"1,2\n" * 10)

    async def run() -> None:
        pipe = Pipe(limit_bytes=100)
        parsing = asyncio.create_task(asyncio.to_thread(parse, pipe.reader))
        with pytest.raises(BrokenPipeError):
            await send(pipe)
        with pytest.raises(RaggedRow):
            await parsing

    asyncio.run(run())
