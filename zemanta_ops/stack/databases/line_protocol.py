"""InfluxDB's line protocol: encode points."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

FieldValue = float | int | bool | str

# https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/#special-characters
_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Point:
    """One row: a measurement with tags and fields at a time in nanoseconds since the epoch.

    The time is set when the point is created, not when it is written. Written twice, it is still one row.
    """

    measurement: str
    fields: Mapping[str, FieldValue]
    tags: Mapping[str, str] = field(default_factory=dict)
    time_ns: int = field(default_factory=time.time_ns)

    def encode(self) -> str:
        """Return the line.

        Raises:
            ValueError: The line protocol cannot represent the point; the text says why.

        """
        if not self.measurement or not self.fields:
            raise ValueError("a point needs a measurement and a field")
        head = _encode_series(self.measurement, tuple(self.tags.items()))
        fields = ",".join(f"{_encode_key(key)}={_encode_value(key, value)}" for key, value in self.fields.items())
        return f"{head} {fields} {self.time_ns}"


# Consecutive points are often of one series.
@lru_cache(maxsize=256)
def _encode_series(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    # InfluxDB has no empty tags, and is faster if the others are sorted.
    present = sorted((key, value) for key, value in tags if value)
    pairs = [f"{_encode_key(key)}={_encode_key(value)}" for key, value in present]
    return ",".join([_check_name(measurement).translate(_MEASUREMENT), *pairs])


@lru_cache(maxsize=1024)
def _encode_key(text: str) -> str:
    return _check_name(text).translate(_KEY)


def _check_name(text: str) -> str:
    if not text or "\n" in text or text.endswith("\\"):
        raise ValueError(f"{text!r} is empty, has a newline or ends in a backslash")
    return text


def _encode_value(key: str, value: FieldValue) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return f'"{value.translate(_TEXT)}"'
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise ValueError(f"field {key!r} does not fit 64 bits")
        return f"{value}i"
    if not math.isfinite(value):
        raise ValueError(f"field {key!r} is {value}, which InfluxDB cannot store")
    return repr(value)
