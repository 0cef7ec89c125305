"""As much of Thrift's compact protocol as it takes to read Parquet's own words, and to count what they would make of memory.

Source: the Apache Thrift compact protocol specification.
"""

from typing import Any

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
INTEGERS = (4, 5, 6)
MOST_DEEP = 20


class Damaged(Exception):
    """These bytes are no struct, or one of more structs than are counted."""


class Cursor:
    """Reads structs one after the other; beyond the end is an IndexError."""

    def __init__(self, data: bytes, most_structs: int) -> None:
        self._data, self.at, self._left = data, 0, most_structs

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """A struct's integers, structs and lists of structs by field number; the last of a number counts.

        Raises: Damaged, IndexError.
        """
        self._left -= 1
        if depth > MOST_DEEP or self._left < 0:
            raise Damaged
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            found[number] = kind == TRUE if kind in {TRUE, FALSE} else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in INTEGERS:
            return self._integer()
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in {LIST, SET}:
            head = self._byte()
            return self._elements((head & 15,), head >> 4 if head >> 4 < 15 else self._size(), depth)
        if kind == MAP:
            size = self._size()
            if size:
                head = self._byte()
                self._elements((head >> 4, head & 15), size, depth)
        elif kind in {TRUE, FALSE, BYTE}:  # a boolean in a list takes a byte
            self._skip(1)
        elif kind == DOUBLE:
            self._skip(8)
        elif kind == BINARY:
            self._skip(self._size())
        else:
            raise Damaged
        return None

    def _elements(self, kinds: tuple[int, ...], size: int, depth: int) -> list[Any]:
        if depth > MOST_DEEP:
            raise Damaged
        if kinds == (STRUCT,):
            return [self.struct(depth + 1) for _ in range(size)]
        for _ in range(size):
            for kind in kinds:
                self._value(kind, depth + 1)
        return []

    def _byte(self) -> int:
        byte = self._data[self.at]
        self.at += 1
        return byte

    def _size(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise Damaged

    def _integer(self) -> int:
        value = self._size()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, n_bytes: int) -> None:
        self.at += n_bytes
        if self.at > len(self._data):
            raise IndexError


def numbers(fields: Any, *wanted: int) -> tuple[int, ...]:
    """A struct's integers, -1 for what is none: a field of another type is passed over, by pyarrow too."""
    found = fields if isinstance(fields, dict) else {}
    return tuple(value if isinstance(value := found.get(field), int) else -1 for field in wanted)


def structs(fields: Any, wanted: int) -> list[dict[int, Any]]:
    """A struct's list of structs; if it is none, an empty one."""
    found = fields.get(wanted) if isinstance(fields, dict) else None
    return found if isinstance(found, list) else []
