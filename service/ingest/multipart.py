"""The one file of a form (multipart/form-data, RFC 7578), its bytes handed on while they arrive.

The parser, Starlette's own, takes eight headers of four kilobytes a part, and holds nothing else.
"""

from collections import deque
from pathlib import PurePath

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.ingest.csv_records import Readable
from service.ingest.errors import BadMultipart

READ_BYTES = 1 << 16


class File:
    """The file, as a stream. That it is the only one, and the form whole, is known at its end."""

    def __init__(self, stream: Readable, content_type: str) -> None:
        """Read as far as the file's own headers.

        Raises: BadMultipart: there is no file, or something else before it; whatever the stream's read raises.
        """
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise BadMultipart("its Content-Type names no boundary")
        self._stream, self._data = stream, deque[bytes]()
        self._headers: dict[str, str] = {}
        self._field = self._value = b""
        self._n_parts = 0
        self._is_begun = self._is_ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part,
                    "on_header_field": self._on_field,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": lambda data, start, end: self._data.append(data[start:end]),
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:  # the boundary is too long
            raise BadMultipart(str(error)) from None
        while not self._is_begun:
            self._feed()
            if self._is_ended and not self._is_begun:
                raise BadMultipart("it has no file")

    @property
    def content_type(self) -> str:
        """What the file's own header says it is."""
        return self._headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def suffix(self) -> str:
        """The end of its name, with the dot, in lower case."""
        return PurePath(self._option(b"filename") or "").suffix.lower()

    def read(self, size: int, /) -> bytes:
        """Some bytes, `size` at most, b"" at the end. Raises: BadMultipart; whatever the stream's read raises."""
        while not self._data:
            if not self._feed():
                return b""
        first = self._data.popleft()
        if len(first) > size:
            self._data.appendleft(first[size:])
        return first[:size]

    def _feed(self) -> bool:
        """Whether there was more."""
        packed = self._stream.read(READ_BYTES)
        if not packed:
            if not self._is_ended:
                raise BadMultipart("it is cut off")
            return False
        try:
            self._parser.write(packed)
        except FormParserError as error:
            raise BadMultipart(str(error)) from None
        return True

    def _option(self, name: bytes) -> str | None:
        found = parse_options_header(self._headers.get("content-disposition"))[1].get(name)
        return None if found is None else found.decode(errors="replace")

    def _on_part(self) -> None:
        self._n_parts += 1
        if self._n_parts > 1:
            raise BadMultipart("something comes after its file; one file is taken")

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        # Latin-1 is what the parser of options turns it back into bytes by: a name of a file is UTF-8, as browsers send it.
        self._headers[self._field.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._field = self._value = b""

    def _on_headers(self) -> None:
        if self._option(b"filename") is None:
            name = self._option(b"name") or ""
            raise BadMultipart(f"{name!r} is no file: the form has one file alone, the rest goes into the address")
        self._is_begun = True

    def _on_end(self) -> None:
        self._is_ended = True
