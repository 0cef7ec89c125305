"""The text of a JSON body, read as far as it is needed while it arrives, and passed over without being read.

What is passed over is delimited, not checked: Pydantic reads it afterwards. If it takes it, it was delimited rightly.
"""

import json
import re
from collections.abc import Callable

from service.ingest.csv_records import Readable

PIECE_BYTES = 1 << 20

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_INSIDE = rb'(?:%b|[^][{}"]++)*+' % _STRING
_OPENING = re.compile(rb"%b\{" % _SPACE)
_KEY = re.compile(rb"%b(%b)%b:%b" % (_SPACE, _STRING, _SPACE, _SPACE), re.DOTALL)
_FOLLOWING = re.compile(rb"%b([,}])" % _SPACE)
# A string, a number or word, or a list or object of those alone: nothing in two lists.
_VALUE = re.compile(rb'%b|[^][{}",: \t\n\r]++|\[%b\]|\{%b\}' % (_STRING, _INSIDE, _INSIDE), re.DOTALL)


class UnexpectedError(Exception):
    """The text is none that is passed over or lifted from. What is wrong with it, if anything, is for Pydantic to say."""


class Text:
    """The bytes that have come so far, of a body that is all there or of a stream."""

    def __init__(self, body: bytes | Readable) -> None:
        self.data: bytes | bytearray = body if isinstance(body, bytes) else bytearray()
        self._stream = None if isinstance(body, bytes) else body

    def upto(self, n_bytes: int) -> bool:
        """Read until there are so many bytes. False: there are no more. Raises: as the stream."""
        while len(self.data) < n_bytes:
            piece = None if self._stream is None else self._stream.read(PIECE_BYTES)
            if not piece:
                self._stream = None
                return False
            self.data += piece
        return True

    def whole(self) -> bytes | bytearray:
        """All of it. Raises: as the stream."""
        while self.upto(len(self.data) + 1):
            pass
        return self.data

    def between(self, start: int, end: int) -> bytes:
        """A copy of a part of what has come."""
        return bytes(memoryview(self.data)[start:end])

    def match(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes]:
        """What the pattern matches here, which goes on as long as it can. Raises: UnexpectedError: nothing; as the stream."""
        found = pattern.match(self.data, at)
        while found is None or found.end() == len(self.data):
            if not self.upto(len(self.data) + 1):
                break
            self.upto(2 * len(self.data))  # so that what is matched again is as much as what is new, at most
            found = pattern.match(self.data, at)
        if found is None:
            raise UnexpectedError
        return found

    def value_end(self, at: int) -> int:
        """Where the value ends that starts here. Raises: UnexpectedError: it is nested, or none; as the stream."""
        return self.match(_VALUE, at).end()

    def object_end(self, at: int, value: Callable[[str, int], int]) -> int:
        """Where the object ends that starts here.

        Args: value: is told where the value of each key starts, and says where it ends.
        Raises: UnexpectedError: it is none, has nothing in it, or a key twice; as `value` and the stream.
        """
        seen: set[str] = set()
        at = self.match(_OPENING, at).end()
        while True:
            key = self.match(_KEY, at)
            try:
                name = json.loads(key[1])
            except ValueError:
                raise UnexpectedError from None
            if name in seen:
                raise UnexpectedError
            seen.add(name)
            following = self.match(_FOLLOWING, value(name, key.end()))
            at = following.end()
            if following[1] == b"}":
                return at
