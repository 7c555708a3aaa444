"""Parse statsd lines with tags as Telegraf's statsd input does.

``parse`` follows ``plugins/inputs/statsd`` of Telegraf 1.39 and its line protocol writer, including their
defects. The tests compare what the application sends with it, and the development agent receives with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, KIND_NAMES, SET, TIMING
from zemanta_ops.stack.go_numbers import parse_go_float, parse_go_int, to_go_int64
from zemanta_ops.stack.templates import Templates

# The characters that Go's strings.TrimSpace removes. Python's strip() also removes \x1c to \x1f.
GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
GO_SPACE += "\u2028\u2029\u202f\u205f\u3000"

DISTRIBUTION = "d"
DEFAULT_FIELD = "value"

_SPACE = re.compile(f"[{GO_SPACE}]+")
DISTRIBUTIONS = "datadog_extensions and datadog_distributions of Telegraf"
# A reason repeats at most this much of the line.
_QUOTED = 20


# Named tuples are made in a quarter of the time of frozen dataclasses, and a datagram may hold 16,000 values.
class Sample(NamedTuple):
    """One value as the agent reads it: ``value`` in the unit of the wire (ms for timings), a string for sets.

    ``delta`` means that the value changes a gauge. ``repeat`` is how many times a timing counts, from its sample rate;
    a counter's value is already corrected for its rate. With a rate above 1 it is 0: Telegraf counts no value.
    ``field_name`` is the one that a template names.
    """

    name: str
    kind: str
    value: float | int | str
    tags: Mapping[str, str] = MappingProxyType({})
    delta: bool = False
    repeat: int = 1
    field_name: str = DEFAULT_FIELD

    @property
    def measurement(self) -> str:
        """The measurement that Telegraf makes of the name: its first word, with underscores instead of dots."""
        return _SPACE.split(self.name.strip(GO_SPACE))[0].replace(".", "_")

    @property
    def kind_name(self) -> str:
        """The value of Telegraf's tag ``metric_type``."""
        return KIND_NAMES.get(self.kind, "distribution")


class Rejection(NamedTuple):
    """A line that the agent refuses, from its bad value on; ``setting`` is the one that would accept it, if any."""

    line: str
    reason: str
    setting: str = ""


@dataclass
class Datagram:
    """The values of a datagram, and its refused lines."""

    samples: list[Sample] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


def parse(
    data: bytes | str, *, dogstatsd: bool = False, distributions: bool = True, templates: Iterable[str] = ()
) -> Datagram:
    """Read a datagram, or one line, as Telegraf does.

    The values before a bad one in the same line count; those after it are lost with it. Events and service checks of
    DogStatsD are not metrics and are left out. A gauge that is not finite is rejected alone: Telegraf writes nothing
    for it.

    Args:
        data: The datagram.
        dogstatsd: Telegraf's option ``datadog_extensions``.
        distributions: Its option ``datadog_distributions``, which has no effect without ``datadog_extensions``.
        templates: Its option ``templates``, each with a filter.

    """
    reader = _Reader(dogstatsd, distributions, _compile_templates(tuple(templates)))
    text = data.decode("utf-8", "surrogateescape") if isinstance(data, bytes) else data
    parsed = Datagram()
    for raw in text.split("\n"):
        line = raw.strip(GO_SPACE)
        if line:
            reader.read(line, parsed)
    return parsed


class _Reader:
    """Reads lines under one set of options."""

    def __init__(self, dogstatsd: bool, distributions: bool, templates: Templates | None) -> None:
        self._dogstatsd = dogstatsd
        self._keeps_distributions = dogstatsd and distributions
        self._templates = templates

    @cached_property
    def other(self) -> _Reader:
        """The reader of the other dialect."""
        return _Reader(not self._dogstatsd, self._keeps_distributions, self._templates)

    def read(self, line: str, parsed: Datagram) -> None:
        """Add the values of a line and, if Telegraf refuses it or a value of it, the reason."""
        try:
            self._read_line(line, parsed)
        except ValueError as error:
            setting = self.other.setting if self.other.accepts(line) else ""
            parsed.rejected.append(Rejection(line, str(error), setting))

    def accepts(self, line: str) -> bool:
        """Return whether Telegraf accepts the whole line."""
        scratch = Datagram()
        try:
            self._read_line(line, scratch)
        except ValueError:
            return False
        return not scratch.rejected

    @property
    def setting(self) -> str:
        """The setting of the application that makes Telegraf read lines in this way."""
        return f'DIALECT "{"dogstatsd" if self._dogstatsd else "influx"}"'

    def _read_line(self, line: str, parsed: Datagram) -> None:
        """Raise ValueError at the first value that ends the line."""
        line_tags: dict[str, str] = {}
        if self._dogstatsd:
            if line.startswith(("_e{", "_sc|")):
                return
            if line.startswith("_e"):
                raise ValueError("a name that begins with _e is read as an event of DogStatsD")
            line, line_tags = _cut_dogstatsd_tags(line)
        bucket, colon, rest = line.partition(":")
        if not colon:
            raise ValueError("no value: the line has no colon")
        name, *pairs = bucket.split(",")
        if not _SPACE.sub("", name):
            raise ValueError("no name")
        name, tags, stored = self._apply_templates(name, {**_parse_bucket_tags(pairs), **line_tags})
        for bit in rest.split(":"):
            sample = _parse_sample(name, tags, bit, stored)
            if sample.kind == GAUGE and not isfinite(sample.value):  # type: ignore[arg-type]  # no gauge is a text
                parsed.rejected.append(Rejection(line, "Telegraf writes no gauge that is NaN or infinite"))
            elif sample.kind == DISTRIBUTION and not self._keeps_distributions:
                parsed.rejected.append(Rejection(line, "Telegraf drops distributions by default", DISTRIBUTIONS))
            else:
                parsed.samples.append(sample)

    def _apply_templates(self, name: str, tags: dict[str, str]) -> tuple[str, dict[str, str], str]:
        stored = ""
        if self._templates is not None:
            found = self._templates.apply(_SPACE.split(name.strip(GO_SPACE))[0])
            name, stored, tags = found.measurement, found.field, {**tags, **found.tags}
            if not name:
                raise ValueError("no name: the template's segment of the measurement is empty")
        return name, _clean_tags(tags), stored or DEFAULT_FIELD


@lru_cache(maxsize=8)
def _compile_templates(texts: tuple[str, ...]) -> Templates | None:
    return Templates(texts) if texts else None


def _parse_sample(name: str, tags: dict[str, str], bit: str, stored: str) -> Sample:
    text, *parts = bit.split("|")
    if not parts:
        raise ValueError("no type: the value has no |")
    kind = parts[0]
    if kind not in ("g", "c", "s", "ms", "h", DISTRIBUTION):
        shown = kind if len(kind) <= _QUOTED else f"{kind[:_QUOTED]}…"
        raise ValueError(f"type {shown!r} is not one of c, g, ms, h, s, d")
    rate = _parse_rate(parts[1]) if len(parts) > 1 else 0.0
    signed = text.startswith(("-", "+"))
    if signed and kind not in (GAUGE, COUNTER):
        raise ValueError("a sign is for gauges and counters only")
    if kind == SET:
        return Sample(name, kind, text, tags, field_name=stored)
    if kind == COUNTER:
        return Sample(name, kind, _parse_counter(text, rate), tags, field_name=stored)
    repeat = _count_repeats(rate) if kind in (TIMING, HISTOGRAM) else 1
    delta = signed and kind == GAUGE
    return Sample(name, kind, parse_go_float(text), tags, delta=delta, repeat=repeat, field_name=stored)


def _count_repeats(rate: float) -> int:
    """Return how many times Telegraf counts a timing: never, if the rate is above 1 or 1/rate does not fit an int64."""
    return max(to_go_int64(1 / rate), 0) if rate > 0 else 1


def _parse_rate(text: str) -> float:
    if "@" not in text or len(text) < 2:
        return 0.0
    try:
        return parse_go_float(text[1:])
    except ValueError:
        return 0.0


def _parse_counter(text: str, rate: float) -> int:
    whole = parse_go_int(text)
    value = to_go_int64(parse_go_float(text)) if whole is None else whole
    return to_go_int64(value / rate) if rate else value


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
    """Read ``key:value,key``; a tag without a value is ``true``.

    Telegraf keeps the key of a tag without a value: the next tag without one becomes that key's value. It cuts a last
    character of several bytes in two.
    """
    tags: dict[str, str] = {}
    if not text[-1:].isascii():
        text = text[:-1] + "\ufffd"
    *items, last = text.split(",")
    key, in_value = "", False
    for item in items:
        key, item, in_value = _split_key(key, item, in_value)
        if key:
            tags[key] = item or "true"
            key, in_value = "", False
        else:
            key = item
            tags[key] = "true"
    key, last, _ = _split_key(key, last, in_value)
    tags[key or last] = (last if key else "") or "true"
    return tags


def _split_key(key: str, item: str, in_value: bool) -> tuple[str, str, bool]:
    """Split an item at its first colon, unless what comes is part of a value already."""
    if in_value or ":" not in item:
        return key, item, in_value
    key, _, item = item.partition(":")
    return key, item, True


def _clean_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that Telegraf writes, as it writes them; the tag ``metric_type`` is its own."""
    cleaned = {_rewrite(key): _rewrite(value) for key, value in tags.items()}
    return {key: value for key, value in cleaned.items() if key and value and key != "metric_type"}


def _rewrite(text: str) -> str:
    """Return a tag key or value as Telegraf writes it in line protocol.

    A trailing backslash is cut off; TAB, CR and FF become a backslash and a letter.
    """
    return text.replace("\t", "\\t").replace("\f", "\\f").replace("\r", "\\r").rstrip("\\")
