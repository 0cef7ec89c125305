"""Bodies that come packed, unpacked while they arrive, some bytes at a time and up to a limit in all.

gzip is zlib's, of the standard library. zstd is that of Python 3.14 (backports.zstd brings it to 3.11): pyarrow reads zstd too,
but lets a frame ask for a window of 128 MiB, and this one can be told that more than 8 MiB are refused.
Source: RFC 1952; RFC 8878; RFC 9659, by which a window of a zstd body has 8 MiB at most.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from backports import zstd

from service.ingest.errors import BadEncoding, TooLong

READ_BYTES = 1 << 18  # unpacked at a time: some 0.5 ms of gzip
WINDOW_LOG = 23


class Member(Protocol):
    """Unpacks one gzip member or zstd frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class GzipMember:
    """zlib's way of unpacking with the words of zstd's."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)  # with gzip's header, and its checksum
        self._is_short = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail and self._is_short

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        unpacked = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._is_short = len(unpacked) < max_length
        return unpacked


MEMBERS: Mapping[str, Callable[[], Member]] = {
    "gzip": GzipMember,
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG}),
}


class Unpacker:
    """Unpacks what comes, a piece after the other: all members, of which one may follow the other."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding, self._limit = encoding, limit
        self._member, self._n_unpacked = MEMBERS[encoding](), 0
        self._is_between = False  # two members

    def unpacked(self, packed: bytes) -> Iterator[bytes]:
        """What is in a piece, some at a time: READ_BYTES at most.

        Raises: BadEncoding: it is damaged; TooLong: all pieces so far unpack to more than the limit.
        """
        while packed or not self._member.needs_input:
            if self._is_between:
                if self._encoding == "gzip":
                    packed = packed.lstrip(b"\0")  # with which it may be filled up
                if not packed:
                    return
                self._member, self._is_between = MEMBERS[self._encoding](), False
            try:
                unpacked = self._member.decompress(packed, READ_BYTES)
            except (zlib.error, zstd.ZstdError) as error:
                raise BadEncoding(self._encoding, str(error)) from None
            packed, self._is_between = self._member.unused_data, self._member.eof
            self._n_unpacked += len(unpacked)
            if self._n_unpacked > self._limit:
                raise TooLong(self._limit)
            if unpacked:
                yield unpacked

    def end(self) -> None:
        """Nothing more comes. Raises: BadEncoding: it is cut off."""
        if not self._is_between:
            raise BadEncoding(self._encoding, "it is cut off")
