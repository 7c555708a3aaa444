"""As much of CBOR (RFC 8949) as clients of CloudWatch and this fake exchange; Telegraf's speaks nothing else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

_BREAK = object()
_TIMESTAMP = 1


def encode(value: Any) -> bytes:
    """Return the value as CBOR; datetimes become timestamps."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, datetime):
        return _head(6, _TIMESTAMP) + encode(value.timestamp())
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(encode(key) + encode(member) for key, member in value.items())
    return _head(4, len(value)) + b"".join(map(encode, value))


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    for marker, size, code in ((24, 8, ">B"), (25, 16, ">H"), (26, 32, ">I"), (27, 64, ">Q")):
        if number < 1 << size:
            return bytes([kind << 5 | marker]) + struct.pack(code, number)
    raise ValueError("the number is too large")


def decode(data: bytes) -> Any:
    """Return the value of some CBOR."""
    return _Decoder(data).read()


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self) -> Any:
        first = self._take(1)[0]
        kind, low = first >> 5, first & 31
        if kind == 7:
            return self._read_simple(low)
        number = None if low == 31 else self._read_number(low)
        readers: tuple[Callable[[int | None], Any], ...] = (
            lambda number: number,
            lambda number: -1 - (number or 0),
            lambda number: self._take(number or 0),
            lambda number: self._take(number or 0).decode(),
            self._read_list,
            self._read_dict,
            self._read_tag,
        )
        return readers[kind](number)

    def _take(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        self._at += count
        return part

    def _read_number(self, low: int) -> int:
        return low if low < 24 else int.from_bytes(self._take(1 << low - 24), "big")

    def _read_simple(self, low: int) -> Any:
        floats = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
        if low in floats:
            code, size = floats[low]
            return struct.unpack(code, self._take(size))[0]
        return {20: False, 21: True, 22: None, 23: None, 31: _BREAK}[low]

    def _read_list(self, count: int | None) -> list[Any]:
        found: list[Any] = []
        while count is None or len(found) < count:
            if (member := self.read()) is _BREAK:
                break
            found.append(member)
        return found

    def _read_dict(self, count: int | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while count is None or len(found) < count:
            if (key := self.read()) is _BREAK:
                break
            found[key] = self.read()
        return found

    def _read_tag(self, number: int | None) -> Any:
        value = self.read()
        return datetime.fromtimestamp(value, timezone.utc) if number == _TIMESTAMP else value
