"""Parse statsd lines with tags as Telegraf's statsd input does.

``parse`` follows ``plugins/inputs/statsd`` of Telegraf 1.39 and its line protocol writer, including their
defects. The tests compare what the application sends with it, and the development agent receives with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from zemanta_ops.metrics.delivery.statsd_writer import INT64
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, KIND_NAMES, SET, TIMING

# The characters that Go's strings.TrimSpace removes. Python's strip() also removes \x1c to \x1f.
GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
GO_SPACE += "\u2028\u2029\u202f\u205f\u3000"

DISTRIBUTION = "d"

_SPACE = re.compile(f"[{GO_SPACE}]+")
_GO_INT = re.compile(r"[+-]?[0-9]+")
_GO_FLOAT = re.compile(
    r"[+-]?(?:[0-9]+(?:_[0-9]+)*\.?(?:[0-9]+(?:_[0-9]+)*)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?"
)
_GO_INFINITY = re.compile(r"(?:nan|[+-]?inf(?:inity)?)", re.IGNORECASE)
_GO_HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][+-]?[0-9]+")


@dataclass(frozen=True)
class Sample:
    """One value as the agent reads it: ``value`` in the unit of the wire (ms for timings), a string for sets.

    ``delta`` means that the value changes a gauge. ``repeat`` is how many times a timing counts, from its sample rate;
    a counter's value is already corrected for its rate.
    """

    name: str
    kind: str
    value: float | int | str
    tags: dict[str, str] = field(default_factory=dict)
    delta: bool = False
    repeat: int = 1

    @property
    def measurement(self) -> str:
        """The measurement that Telegraf makes of the name: its first word, with underscores instead of dots."""
        return _SPACE.split(self.name.strip(GO_SPACE))[0].replace(".", "_")

    @property
    def kind_name(self) -> str:
        """The value of Telegraf's tag ``metric_type``."""
        return KIND_NAMES.get(self.kind, "distribution")


@dataclass(frozen=True)
class Rejection:
    """A line that the agent refuses, from its bad value on."""

    line: str
    reason: str


@dataclass
class Datagram:
    """The values of a datagram, and its refused lines."""

    samples: list[Sample] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def parse(data: bytes | str, *, dogstatsd: bool = False) -> Datagram:
    """Read a datagram, or one line, as Telegraf does; ``dogstatsd`` is its option ``datadog_extensions``.

    The values before a bad one in the same line count; those after it are lost with it. Events and service checks of
    DogStatsD are not metrics and are left out.
    """
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    parsed = Datagram()
    for raw in text.split("\n"):
        line = raw.strip(GO_SPACE)
        if not line or (dogstatsd and line.startswith(("_e", "_sc|"))):
            continue
        try:
            _read_line(line, parsed.samples, dogstatsd)
        except ValueError as error:
            parsed.rejected.append(Rejection(line, str(error)))
    return parsed


def _read_line(line: str, samples: list[Sample], dogstatsd: bool) -> None:
    """Append the values of the line to ``samples``; raise ValueError at the first bad one."""
    line_tags: dict[str, str] = {}
    if dogstatsd:
        line, line_tags = _cut_dogstatsd_tags(line)
    bucket, colon, rest = line.partition(":")
    if not colon:
        raise ValueError("no value: the line has no colon")
    name, *pairs = bucket.split(",")
    if not _SPACE.sub("", name):
        raise ValueError("no name")
    tags = {_rewrite(key): _rewrite(value) for key, value in {**_parse_bucket_tags(pairs), **line_tags}.items()}
    tags = {key: value for key, value in tags.items() if key and value and key != "metric_type"}
    for bit in rest.split(":"):
        sample = _parse_sample(name, tags, bit)
        # Only agents with DogStatsD extensions keep distributions. Others read them and drop them.
        if dogstatsd or sample.kind != DISTRIBUTION:
            samples.append(sample)


def _parse_sample(name: str, tags: dict[str, str], bit: str) -> Sample:
    text, *parts = bit.split("|")
    if not parts:
        raise ValueError("no type: the value has no |")
    kind = parts[0]
    if kind not in ("g", "c", "s", "ms", "h", DISTRIBUTION):
        raise ValueError(f"type {kind!r} is not one of c, g, ms, h, s, d")
    rate = _parse_rate(parts[1]) if len(parts) > 1 else 0.0
    signed = text.startswith(("-", "+"))
    if signed and kind not in (GAUGE, COUNTER):
        raise ValueError("a sign is for gauges and counters only")
    if kind == SET:
        return Sample(name, kind, text, tags)
    if kind == COUNTER:
        return Sample(name, kind, _parse_counter(text, rate), tags)
    repeat = int(1 / rate) if rate > 0 and kind in (TIMING, HISTOGRAM) else 1
    return Sample(name, kind, parse_go_float(text), tags, delta=signed and kind == GAUGE, repeat=repeat)


def _parse_rate(text: str) -> float:
    if "@" not in text or len(text) < 2:
        return 0.0
    try:
        return parse_go_float(text[1:])
    except ValueError:
        return 0.0


def _parse_counter(text: str, rate: float) -> int:
    whole = _GO_INT.fullmatch(text) and -INT64 - 1 <= int(text) <= INT64
    value = int(text) if whole else _to_go_int64(parse_go_float(text))
    return _to_go_int64(value / rate) if rate else value


def _to_go_int64(number: float) -> int:
    """Convert as Go does on amd64: what does not fit becomes the smallest int64."""
    return int(number) if -(2.0**63) <= number < 2.0**63 else -INT64 - 1


def parse_go_float(text: str) -> float:
    """Read a number as Go's ``strconv.ParseFloat`` does; raise ValueError if that would fail."""
    if _GO_INFINITY.fullmatch(text):
        return float(text)
    try:
        if _GO_HEX.fullmatch(text):
            return float.fromhex(text)
        number = float(text) if _GO_FLOAT.fullmatch(text) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or number in (float("inf"), float("-inf")):
        raise ValueError("the value is not a number")
    return number


def _parse_bucket_tags(pairs: list[str]) -> dict[str, str]:
    """Read ``key=value``, split at the first ``=``; a pair without a key is ignored."""
    split = [pair.partition("=") for pair in pairs]
    return {key: value for key, equals, value in split if equals and key}


def _cut_dogstatsd_tags(line: str) -> tuple[str, dict[str, str]]:
    tags: dict[str, str] = {}
    kept: list[str] = []
    for segment in line.split("|"):
        if segment.startswith("#"):
            tags.update(_parse_dogstatsd_tags(segment[1:]))
        elif not segment.startswith("c:"):
            kept.append(segment)
    return "|".join(kept), tags


def _parse_dogstatsd_tags(text: str) -> dict[str, str]:
    """Read ``key:value,key``; a tag without a value is ``true``. A last character of several bytes is cut in two."""
    tags: dict[str, str] = {}
    if not text[-1:].isascii():
        text = text[:-1] + "\ufffd"
    for item in text.removesuffix(",").split(",") if text else ():
        key, _, value = item.partition(":")
        tags[key] = value or "true"
    return tags


def _rewrite(text: str) -> str:
    """Return a tag key or value as Telegraf writes it in line protocol.

    A trailing backslash is cut off; TAB, CR and FF become a backslash and a letter.
    """
    return text.replace("\t", "\\t").replace("\f", "\\f").replace("\r", "\\r").rstrip("\\")
