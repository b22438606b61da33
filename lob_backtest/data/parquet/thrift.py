"""Decode Thrift's compact protocol, the encoding of Parquet footers.

Source: the Thrift compact protocol specification, "thrift-compact-protocol.md" of apache/thrift.
"""

from __future__ import annotations

from typing import Any, Final

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_INTEGERS: Final = (4, 5, 6)
_DEPTH: Final = 32
"""Limit of nested structures; a Parquet footer has eight."""


def decode(data: bytes) -> dict[int, Any]:
    """Decode one structure.

    Args:
        data: starts with the structure.

    Returns:
        Values by field number: integers, booleans, bytes, lists, and structures as further dicts. Floats and maps,
        which footers do not have, are skipped.

    Raises:
        ValueError: the data are truncated or invalid.
    """
    return _Decoder(data).struct(0)


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        number = 0
        while True:
            head = self._byte()
            kind = head & 15
            if not kind:
                return fields
            number = number + (head >> 4) if head >> 4 else self._integer()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if depth > _DEPTH:
            raise ValueError("structures are nested too deeply")
        if kind == _STRUCT:
            return self.struct(depth)
        if kind in (_LIST, _SET):
            return self._list(depth)
        if kind == _MAP:
            return self._map(depth)
        if kind in (_TRUE, _FALSE, _BYTE):
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise ValueError(f"no type has the number {kind}")

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        count = self._counted(head >> 4 if head >> 4 != 15 else self._unsigned())
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _map(self, depth: int) -> None:
        count = self._counted(self._unsigned())
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._value(kinds >> 4, depth + 1)
            self._value(kinds & 15, depth + 1)

    def _counted(self, count: int) -> int:
        if count > len(self._data) - self._at:  # each element takes a byte or more
            raise ValueError(f"{count} elements are announced, but the data end")
        return count

    def _byte(self) -> int:
        if self._at >= len(self._data):
            raise ValueError("the data end within a structure")
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, length: int) -> bytes:
        self._counted(length)
        self._at += length
        return self._data[self._at - length : self._at]

    def _unsigned(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("an integer has more than 64 bits")

    def _integer(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
