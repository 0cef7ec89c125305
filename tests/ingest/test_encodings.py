"""Packed bodies: whatever the pieces they come in, and what is refused before it takes memory."""

import gzip
from itertools import islice

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.encodings import READ_BYTES, Unpacker
from service.ingest.errors import BadEncoding, TooLong

TEXT = bytes(range(256)) * 40 + b"0" * 100_000
PACKED = {
    "gzip": [gzip.compress(TEXT), gzip.compress(b""), gzip.compress(b"end")],
    "zstd": [zstd.compress(TEXT), zstd.compress(b""), zstd.compress(b"end"), b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"],
}
ENCODINGS = pytest.mark.parametrize("encoding", PACKED)


def unpacked(body: bytes, encoding: str, limit: int, piece: int = 1 << 16) -> bytes:
    unpacker, parts = Unpacker(encoding, limit), []
    for start in range(0, len(body), piece):
        for part in unpacker.unpacked(body[start : start + piece]):
            assert 0 < len(part) <= READ_BYTES
            parts.append(part)
    unpacker.end()
    return b"".join(parts)


@ENCODINGS
@given(piece=st.integers(1, 5000))
def test_all_members_are_unpacked_whatever_the_pieces(encoding: str, piece: int) -> None:
    """One after the other, empty ones too; how many bytes come at a time changes nothing."""
    body = b"".join(PACKED[encoding])

    assert unpacked(body, encoding, 10**6, piece) == TEXT + b"end"


@ENCODINGS
@given(data=st.data())
def test_what_is_cut_off_is_refused(encoding: str, data: st.DataObject) -> None:
    """Wherever it is; an empty body too."""
    body = PACKED[encoding][0]
    with pytest.raises(BadEncoding, match=encoding):
        unpacked(body[: data.draw(st.integers(0, len(body) - 1))], encoding, 10**6)


@ENCODINGS
@given(data=st.data())
def test_what_is_damaged_is_refused_or_read_and_raises_nothing_else(encoding: str, data: st.DataObject) -> None:
    """Whatever byte it is."""
    body = PACKED[encoding][0]
    at = data.draw(st.integers(0, len(body) - 1))
    try:
        unpacked(body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :], encoding, 10**6)
    except (BadEncoding, TooLong) as caught:
        assert str(caught)  # noqa: PT017


@ENCODINGS
def test_what_follows_and_is_no_member_is_refused(encoding: str) -> None:
    """Not left out; the zeros that gzip may be filled up with are nothing."""
    with pytest.raises(BadEncoding):
        unpacked(PACKED[encoding][0] + b"more", encoding, 10**6)
    assert unpacked(PACKED["gzip"][0] + bytes(1000), "gzip", 10**6) == TEXT


@ENCODINGS
def test_a_bomb_is_stopped_at_the_limit(encoding: str) -> None:
    """A few kilobytes that unpack to a gigabyte are unpacked as far as the limit; what is at the limit passes."""
    pack = gzip.compress if encoding == "gzip" else zstd.compress
    zeros = pack(bytes(1 << 20))
    parts = Unpacker(encoding, 3 << 20).unpacked(zeros * 1024)

    assert sum(len(part) for part in islice(parts, 12)) == 3 << 20
    with pytest.raises(TooLong) as caught:
        next(parts)
    assert caught.value.limit == 3 << 20
    assert len(unpacked(zeros * 3, encoding, 3 << 20)) == 3 << 20


def test_a_window_of_more_than_8_mib_is_refused() -> None:
    """A frame may ask for gigabytes before its first byte."""
    option = zstd.CompressionParameter
    for log, is_taken in ((23, True), (24, False), (31, False)):
        frame = zstd.compress(bytes(100), options={option.window_log: log, option.content_size_flag: 0})
        # of so short a frame the writer makes a short window, so it is said by hand: magic, descriptor, window, blocks
        asking = frame[:4] + bytes([frame[4] & ~0x23, (log - 10) << 3]) + frame[5 + (frame[4] & 0x20 == 0) :]
        if is_taken:
            assert unpacked(asking, "zstd", 10**6) == bytes(100)
        else:
            with pytest.raises(BadEncoding, match="memory"):
                unpacked(asking, "zstd", 10**6)
