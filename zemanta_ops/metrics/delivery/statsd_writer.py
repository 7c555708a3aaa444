"""Writes the samples of one series as statsd lines, packed to a size in bytes.

``influx``: ``name,tag=value:1.2|ms:3.4|ms``, the tags inside the name, as Telegraf's statsd input reads them.
``dogstatsd``: ``name:1.2|ms|#tag:value``, one value a line, which the Datadog agent and Telegraf with
``datadog_extensions`` read. A rate belongs to each value, not to the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from zemanta_ops.metrics.catalog import DropReason
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING, Series

INT64 = 2**63 - 1

# DogStatsD's field for the id of a container is "c:…": Telegraf cuts it out wherever it is, even if it is a name.
CONTAINER_FIELD = "c"


class Line(NamedTuple):
    """One line without its newline, and how many samples it carries."""

    text: bytes
    samples: int


class Dropped(NamedTuple):
    """Samples that cannot be written, and why."""

    reason: DropReason
    samples: int


def render_influx(series: Series) -> None:
    """Set the head of a series in the InfluxDB tag dialect."""
    pairs = "".join(f",{key}={value}" for key, value in series.all_tags.items())
    series.head = (series.full_name + pairs).encode()


def render_dogstatsd(series: Series) -> None:
    """Set the head and the tail of a series in the DogStatsD dialect, which cannot carry a metric named ``c``."""
    if series.full_name == CONTAINER_FIELD:
        return
    series.head = series.full_name.encode()
    pairs = ",".join(f"{key}:{value}" for key, value in series.all_tags.items())
    if not pairs[-1:].isascii():
        pairs += ","  # Telegraf cuts a final multi-byte character in two
    series.tail = b"|#" + pairs.encode() if pairs else b""


RENDERERS: dict[str, Callable[[Series], None]] = {"influx": render_influx, "dogstatsd": render_dogstatsd}


def encode(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    """Yield the lines of all values of one series, and what had to be dropped; no line is longer than ``limit`` bytes.

    Counters are added up, gauges are reduced to the last state, and sets to their distinct members. Timings and
    histograms get as many values a line as fit. A sample is one value given by a caller.
    """
    if not series.head:
        yield Dropped("invalid_name", len(values))
        return
    keep_valid = FILTERS[series.kind]
    try:
        good = keep_valid(values)
    except OverflowError:
        good = keep_valid([_limit_to_float(value) for value in values])
    if len(good) < len(values):
        yield Dropped("invalid_value", len(values) - len(good))
    if good:
        yield from ENCODERS[series.kind](series, good, limit)


def _limit_to_float(value: Any) -> Any:
    """Return the value, or NaN for an integer that no float can hold."""
    try:
        math.isfinite(value[0] if type(value) is tuple else value)
    except OverflowError:
        return math.nan
    return value


def _keep_positive(values: Sequence[Any]) -> Sequence[Any]:
    # The sum shows NaN and infinities, so that the values need no check one by one.
    if min(values) >= 0 and math.isfinite(sum(values)):
        return values
    return [value for value in values if 0 <= value < math.inf]


def _keep_int64(values: Sequence[Any]) -> Sequence[Any]:
    if -INT64 <= sum(values) <= INT64:
        return values
    return [value for value in values if -INT64 <= value <= INT64]


def _keep_finite(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if math.isfinite(value[0] if type(value) is tuple else value)]


def _keep_nonempty(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if value]


# What the agent accepts of each kind: one bad value would cost all values after it in the line.
FILTERS: dict[str, Callable[[Sequence[Any]], Sequence[Any]]] = {
    COUNTER: _keep_int64,
    GAUGE: _keep_finite,
    TIMING: _keep_positive,
    HISTOGRAM: _keep_positive,
    SET: _keep_nonempty,
}


def _encode_one(series: Series, text: bytes, samples: int, limit: int) -> Iterator[Line | Dropped]:
    line = series.head + text + series.tail
    yield Line(line, samples) if len(line) <= limit else Dropped("too_long", samples)


def _encode_counter(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    # A sampled counter is scaled here, because Telegraf divides by the rate and truncates.
    total = int(sum(values)) * series.every
    if abs(total) > INT64:
        yield Dropped("invalid_value", len(values))
    else:
        yield from _encode_one(series, b":%d|c" % total, len(values), limit)


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
    # Telegraf reads a signed gauge as a change, so a negative state is written as zero and a change from it.
    text = f":{state:+}|g" if absolute is None else f":0|g:{state}|g" if state < 0 else f":{abs(state)}|g"
    yield from _encode_one(series, text.encode(), len(values), limit)


def _encode_set(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    texts = [b":%b|s" % value.encode() for value in dict.fromkeys(values)]
    yield from _pack(series, texts, len(values) - len(texts), limit)


def _encode_timing(series: Series, values: Sequence[Any], limit: int) -> Iterator[Line | Dropped]:
    suffix = b"|" + series.kind.encode()
    if series.every > 1:
        suffix += b"|@%b" % repr(_compute_rate(series.every)).encode()
    pattern = (b":%.3f" if series.kind == TIMING else b":%a") + suffix
    if series.tail:
        yield from _pack(series, [pattern % value for value in values], 0, limit)
    else:
        # One format call for all values, because formatting them in a loop takes twice as long.
        yield from _split(series, (pattern * len(values)) % tuple(values), limit)


def _compute_rate(every: int) -> float:
    """Return 1/n, or the number below it if the agent, which truncates one divided by the rate, would count n - 1."""
    rate = 1 / every
    return rate if int(1 / rate) >= every else math.nextafter(rate, 0.0)


def _split(series: Series, text: bytes, limit: int) -> Iterator[Line | Dropped]:
    """Cut joined values into lines; one search a line finds where the last value that fits ends."""
    room = max(limit - len(series.head), 0)
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= room else text.rfind(b":", start + 1, start + room + 1)
        if end <= start:
            yield Dropped("too_long", text.count(b":", start))
            return
        yield Line(series.head + text[start:end], text.count(b":", start, end))
        start = end


def _pack(series: Series, texts: list[bytes], repeated: int, limit: int) -> Iterator[Line | Dropped]:
    """Fill lines with encoded values; in a dialect with a tail every value has its own line."""
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
