"""InfluxDB's line protocol: encode points."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

FieldValue = float | int | bool | str

# https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/#special-characters
_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})
_INT64 = 2**63


@dataclass(frozen=True)
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
        head = [_check_name(self.measurement).translate(_MEASUREMENT)]
        head += [
            f"{_check_name(key).translate(_KEY)}={_check_name(value).translate(_KEY)}"
            for key, value in self._sort_tags()
        ]
        fields = ",".join(
            f"{_check_name(key).translate(_KEY)}={_encode_value(key, value)}" for key, value in self.fields.items()
        )
        return f"{','.join(head)} {fields} {self.time_ns}"

    def _sort_tags(self) -> list[tuple[str, str]]:
        # InfluxDB has no empty tags, and is faster if the others are sorted.
        return sorted((key, value) for key, value in self.tags.items() if value)


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
