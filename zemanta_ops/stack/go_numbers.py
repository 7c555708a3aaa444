"""Read numbers as Go's ``strconv`` does, in time that grows no faster than the text."""

from __future__ import annotations

import re

from zemanta_ops.metrics.delivery.statsd_writer import INT64

# No part of these can match the same text in two ways, or a long one that does not match would take quadratic time.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+")
_SPECIAL = re.compile(r"nan|[+-]?inf(?:inity)?", re.IGNORECASE)
_INT = re.compile(r"[+-]?0*([0-9]{1,19})")
# An underscore is between two digits, or between the prefix of a hexadecimal number and a digit.
_LOOSE_UNDERSCORE = re.compile(r"(?<![0-9])_|_(?![0-9])")
_LOOSE_HEX_UNDERSCORE = re.compile(r"(?<![0-9a-fA-FxX])_|_(?![0-9a-fA-F])")
_INFINITE = (float("inf"), float("-inf"))


def parse_go_float(text: str) -> float:
    """Return the number that ``strconv.ParseFloat`` reads.

    Raises:
        ValueError: It would return an error; the message does not repeat the text.

    """
    if _SPECIAL.fullmatch(text):
        return float(text)
    try:
        number = _parse_finite(text)
    except (ValueError, OverflowError):
        number = None
    if number is None or number in _INFINITE:
        raise ValueError("the value is not a number")
    return number


def parse_go_int(text: str) -> int | None:
    """Return the number that ``strconv.ParseInt`` reads in base 10, or None if it would return an error."""
    found = _INT.fullmatch(text)
    if not found:
        return None
    number = -int(found[1]) if text[0] == "-" else int(found[1])
    return number if -INT64 - 1 <= number <= INT64 else None


def to_go_int64(number: float) -> int:
    """Convert as Go does on amd64: NaN, and what does not fit, becomes the smallest int64."""
    return int(number) if -(2.0**63) <= number < 2.0**63 else -INT64 - 1


def _parse_finite(text: str) -> float | None:
    is_hex = text[:3].lstrip("+-")[:2] in ("0x", "0X")
    if "_" in text:
        if (_LOOSE_HEX_UNDERSCORE if is_hex else _LOOSE_UNDERSCORE).search(text):
            return None
        text = text.replace("_", "")
    if is_hex:
        return float.fromhex(text) if _HEX.fullmatch(text) else None
    return float(text) if _DECIMAL.fullmatch(text) else None
