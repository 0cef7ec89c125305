"""The text of a JSON body, read as far as it is needed while it arrives, and passed over without being read.

What is passed over is delimited, not checked: Pydantic reads it afterwards. If it takes it, it was delimited rightly.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator

from service.ingest.csv_records import Readable
from service.ingest.errors import InvalidFields

AHEAD = 1 << 19  # bytes
MOST_NAMES = 100_000  # in one object: millions, all of them unknown, took Pydantic and its errors 46 s for 51 MB

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_INSIDE = rb'(?:%b|[^][{}"]++)*+' % _STRING
_OPENING = re.compile(rb"%b(\{)" % _SPACE)
_KEY = re.compile(rb"%b(%b)%b:%b" % (_SPACE, _STRING, _SPACE, _SPACE), re.DOTALL)
_FOLLOWING = re.compile(rb"%b([,}])" % _SPACE)
# A string, a number or word, or a list or object of those alone: nothing in two lists.
_VALUE = re.compile(rb'(%b|[^][{}",: \t\n\r]++|\[%b\]|\{%b\})' % (_STRING, _INSIDE, _INSIDE), re.DOTALL)


class UnexpectedError(Exception):
    """The text is none that is passed over or lifted from. What is wrong with it, if anything, is for Pydantic to say."""


class Text:
    """The bytes that have come so far, of a body that is all there or of a stream. Places in it are counted from its start.

    What is held to be looked at is a window, some AHEAD long, which moves on as what is before `done` needs no second look:
    one buffer that grew by pieces of 64 KB took 29 ms for 45 MB, and the windows 3.
    """

    def __init__(self, body: bytes | Readable) -> None:
        self._stream = None if isinstance(body, bytes) else body
        self._pieces = [body] if isinstance(body, bytes) else []
        self._window = body if isinstance(body, bytes) else b""
        self._start = 0  # of the window
        self.done = 0

    def upto(self, end: int) -> bool:
        """Read until there is a byte before `end`. False: there is none. Raises: as the stream."""
        lacking = end - self._start - len(self._window)
        if lacking <= 0:
            return True
        came = list(self._reading(lacking + AHEAD))
        if came:
            self._pieces += came
            self._window = b"".join((memoryview(self._window)[self.done - self._start :], *came))
            self._start = self.done
        return end <= self._start + len(self._window)

    def _reading(self, n_bytes: int) -> Iterator[bytes]:
        while n_bytes > 0 and self._stream is not None:
            if piece := self._stream.read(AHEAD):
                yield piece
                n_bytes -= len(piece)
            else:
                self._stream = None

    def whole(self) -> bytes:
        """All of it, which is the window from now on. Raises: as the stream."""
        self._pieces += self._reading(sys.maxsize)
        if len(self._pieces) != 1:
            self._pieces = [b"".join(self._pieces)]
        self._window, self._start, self.done = self._pieces[0], 0, 0
        return self._window

    def between(self, start: int, end: int) -> bytes:
        """A copy of what has come of a part that is not before `done`."""
        return self._window[start - self._start : end - self._start]

    def rest(self, start: int) -> bytes:
        """All from here on. Raises: as the stream."""
        self.upto(sys.maxsize)
        return self._window[start - self._start :]

    def match(self, pattern: re.Pattern[bytes], at: int) -> tuple[bytes, int]:
        """What the pattern's group matches here, which goes on as long as it can, and where the match ends.

        Raises: UnexpectedError: nothing; as the stream.
        """
        found = pattern.match(self._window, at - self._start)
        while found is None or found.end() == len(self._window):
            if not self.upto(self._start + len(self._window) + 1):
                break
            self.upto(self._start + 2 * len(self._window))  # so that what is matched again is no more than what is new
            found = pattern.match(self._window, at - self._start)
        if found is None:
            raise UnexpectedError
        return found[1], self._start + found.end()

    def value_end(self, at: int) -> int:
        """Where the value ends that starts here. Raises: UnexpectedError: it is nested, or none; as the stream."""
        return self.match(_VALUE, at)[1]

    def object_end(self, at: int, value: Callable[[str, int], int]) -> int:
        """Where the object ends that starts here.

        Args: value: is told where the value of each key starts, and says where it ends.
        Raises: UnexpectedError: it is none, has nothing in it, or a key twice; InvalidFields: it has more than MOST_NAMES;
            as `value` and the stream.
        """
        seen: set[str] = set()
        _, at = self.match(_OPENING, at)
        while True:
            key, at = self.match(_KEY, at)
            try:
                name = json.loads(key)
            except ValueError:
                raise UnexpectedError from None
            if name in seen:
                raise UnexpectedError
            seen.add(name)
            if len(seen) > MOST_NAMES:
                raise InvalidFields([("", f"expected objects of at most {MOST_NAMES} names")])
            following, at = self.match(_FOLLOWING, value(name, at))
            if following == b"}":
                return at
