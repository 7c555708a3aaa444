"""Writes the samples of one series as statsd lines, packed to a size in bytes.

``influx``: ``name,tag=value:1.2|ms:3.4|ms``, the tags inside the name as Telegraf's statsd input reads them.
``dogstatsd``: ``name:1.2|ms|#tag:value``, one value a line, which the Datadog agent and Telegraf with
``datadog_extensions`` read. A rate belongs to each value, not to the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING, Series

INT64 = 2**63 - 1

# DogStatsD's field for the id of a container is "c:…": Telegraf cuts it out wherever it stands, a name included.
CONTAINER_FIELD = "c"


class Line(NamedTuple):
    """One line without its newline, and how many samples it stands for."""

    text: bytes
    samples: int


class Dropped(NamedTuple):
    """Samples that cannot be written, and why."""

    reason: str
    samples: int


def render_influx(series: Series) -> None:
    """Set the head of a series in the InfluxDB tag dialect."""
    pairs = "".join(f",{key}={value}" for key, value in series.all_tags.items())
    series.head = (series.full_name + pairs).encode()


def render_dogstatsd(series: Series) -> None:
    """Set the head and the tail of a series in the DogStatsD dialect; the name ``c`` alone cannot be written in it."""
    if series.full_name == CONTAINER_FIELD:
        return
    series.head = series.full_name.encode()
    pairs = ",".join(f"{key}:{value}" for key, value in series.all_tags.items())
    if not pairs[-1:].isascii():
        pairs += ","  # Telegraf would cut a last character of several bytes in two
    series.tail = b"|#" + pairs.encode() if pairs else b""


RENDERERS: dict[str, Callable[[Series], None]] = {"influx": render_influx, "dogstatsd": render_dogstatsd}


def encode(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    """Yield the lines of all values of one series, none longer than ``limit`` bytes, and what had to be dropped.

    Counters become one line, gauges the last state, timings and histograms as many values a line as fit, sets their
    distinct members. A sample is one value given by a caller.
    """
    if not series.head:
        yield Dropped("invalid_name", len(values))
        return
    writable = WRITABLE[series.kind]
    try:
        good = writable(values)
    except OverflowError:
        good = writable([_within_float(value) for value in values])
    if len(good) < len(values):
        yield Dropped("invalid_value", len(values) - len(good))
    if good:
        yield from ENCODERS[series.kind](series, good, limit)


def _within_float(value: Any) -> Any:
    """Return the value, NaN for an integer that no float can hold."""
    try:
        math.isfinite(value[0] if type(value) is tuple else value)
    except OverflowError:
        return math.nan
    return value


def _timings(values: Sequence[Any]) -> Sequence[Any]:
    # Checked as a whole first: NaN and infinities show in the sum.
    if min(values) >= 0 and math.isfinite(sum(values)):
        return values
    return [value for value in values if 0 <= value < math.inf]


def _integers(values: Sequence[Any]) -> Sequence[Any]:
    if -INT64 <= sum(values) <= INT64:
        return values
    return [value for value in values if -INT64 <= value <= INT64]


def _gauges(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if math.isfinite(value[0] if type(value) is tuple else value)]


def _members(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if value]


WRITABLE: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {
    COUNTER: _integers,
    GAUGE: _gauges,
    TIMING: _timings,
    HISTOGRAM: _timings,
    SET: _members,
}


def _single(series: Series, text: bytes, samples: int, limit: int) -> Iterator[Line | Dropped]:
    line = series.head + text + series.tail
    yield Line(line, samples) if len(line) <= limit else Dropped("too_long", samples)


def _encode_counter(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    # A sampled counter is scaled here: Telegraf would divide by the rate and truncate.
    total = int(sum(values)) * series.every
    if abs(total) > INT64:
        yield Dropped("invalid_value", len(values))
    else:
        yield from _single(series, b":%d|c" % total, len(values), limit)


def _encode_gauge(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    absolute: float | None = None
    change = 0.0
    for value in values:
        if type(value) is tuple:
            change += value[0]
        else:
            absolute, change = value, 0.0
    state = change if absolute is None else absolute + change if change else absolute
    if not math.isfinite(state):
        yield Dropped("invalid_value", len(values))
        return
    # A sign makes a gauge a change, so a negative state is written as a zero and a change from it.
    text = f":{state:+}|g" if absolute is None else f":0|g:{state}|g" if state < 0 else f":{abs(state)}|g"
    yield from _single(series, text.encode(), len(values), limit)


def _encode_set(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    texts = [b":%b|s" % value.encode() for value in dict.fromkeys(values)]
    yield from _pack(series, texts, len(values) - len(texts), limit)


def _encode_timing(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    suffix = b"|" + series.kind.encode()
    if series.every > 1:
        suffix += b"|@%b" % repr(1 / series.every).encode()
    pattern = (b":%.3f" if series.kind == TIMING else b":%a") + suffix
    if series.tail:
        yield from _pack(series, [pattern % value for value in values], 0, limit)
        return
    # One format call and one search a line: a loop over the values would cost twice as much.
    text = (pattern * len(values)) % tuple(values)
    room = limit - len(series.head)
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= room else text.rfind(b":", start + 1, start + room + 1)
        if end <= start:
            yield Dropped("too_long", text.count(b":", start))
            return
        yield Line(series.head + text[start:end], text.count(b":", start, end))
        start = end


def _pack(series: Series, texts: list[bytes], repeated: int, limit: int) -> Iterator[Line | Dropped]:
    """Fill lines with ready values; in a dialect with a tail every value has its own line."""
    room = limit - len(series.head) - len(series.tail)
    chunk: list[bytes] = []
    size = 0
    for text in texts:
        if len(text) > room:
            yield Dropped("too_long", 1)
            continue
        if chunk and (series.tail or size + len(text) > room):
            yield Line(series.head + b"".join(chunk) + series.tail, len(chunk) + repeated)
            chunk, size, repeated = [], 0, 0
        chunk.append(text)
        size += len(text)
    if chunk:
        yield Line(series.head + b"".join(chunk) + series.tail, len(chunk) + repeated)
    elif repeated:
        yield Dropped("too_long", repeated)


ENCODERS: dict[str, Callable[[Series, Sequence[Any], int], Iterator[Line | Dropped]]] = {
    COUNTER: _encode_counter,
    GAUGE: _encode_gauge,
    TIMING: _encode_timing,
    HISTOGRAM: _encode_timing,
    SET: _encode_set,
}
