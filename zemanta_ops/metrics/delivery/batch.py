"""From a batch of samples to datagrams: group by series, encode, fill by bytes, send with pauses, count."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from zemanta_ops.metrics.delivery.statsd_writer import Line, encode
from zemanta_ops.metrics.delivery.transports import Transport, reason
from zemanta_ops.metrics.series.series import Series

Sample = tuple[Series, Any]
# A datagram and the number of samples in it.
Packet = tuple[bytes, int]

# A kernel's default receive buffer holds 92 datagrams of 1,432 bytes, and tells nobody when it overflows.
BURST = 32
PAUSE_SECONDS = 0.004


class Tally:
    """Counts what happened to samples in this process, since it started or was forked."""

    def __init__(self) -> None:
        self.sent = 0
        self.datagrams = 0
        self.bytes = 0
        self.dropped: dict[str, int] = {}
        self.report_at = 0.0
        self._reported: dict[str, int] = {}
        self._reported_before: dict[str, int] = {}

    def drop(self, why: str, samples: int = 1) -> None:
        """Count samples that were given up."""
        self.dropped[why] = self.dropped.get(why, 0) + samples

    def changes(self) -> list[tuple[str, int]]:
        """Return ``(reason, samples)`` since the last call, where there are any; the reason "" stands for sent."""
        totals = {"": self.sent, **self.dropped}
        changes = [(why, total - self._reported.get(why, 0)) for why, total in totals.items()]
        self._reported_before, self._reported = self._reported, totals
        return [(why, change) for why, change in changes if change]

    def report_again(self) -> None:
        """Take back the last ``changes``, which did not arrive: the next ones will have them too."""
        self._reported = self._reported_before


def group(batch: Iterable[Sample]) -> dict[Series, list[Any]]:
    """Collect the values of each series, in order; companions get a one for every value."""
    groups: defaultdict[Series, list[Any]] = defaultdict(list)
    for series, value in batch:
        groups[series].append(value)
    for series, values in list(groups.items()):
        if series.companion is not None:
            groups[series.companion].append(len(values))
    return groups


def lines(groups: dict[Series, list[Any]], limit: int, tally: Tally) -> Iterator[Line]:
    """Yield the lines of every series; count what cannot be written."""
    for series, values in groups.items():
        for result in encode(series, values, limit):
            if isinstance(result, Line):
                yield result
            else:
                tally.drop(result.reason, result.samples)


def datagrams(ready: Iterable[Line], limit: int) -> Iterator[Packet]:
    """Join lines into datagrams of at most ``limit`` bytes, each with its number of samples."""
    texts: list[bytes] = []
    size = samples = 0
    for line in ready:
        if texts and size + len(line.text) > limit:
            yield b"\n".join(texts), samples
            texts, size, samples = [], 0, 0
        texts.append(line.text)
        size += len(line.text) + 1
        samples += line.samples
    if texts:
        yield b"\n".join(texts), samples


def share_a_datagram(packets: list[Packet], own: list[Packet], limit: int) -> None:
    """Let the first of ``own`` take the last of ``packets`` into its datagram, where both fit."""
    if packets and own and len(packets[-1][0]) + 1 + len(own[0][0]) <= limit:
        text, samples = packets.pop()
        own[0] = (text + b"\n" + own[0][0], samples + own[0][1])


def send(packets: Iterable[Packet], transport: Transport, tally: Tally, deadline: float) -> bool:
    """Send every datagram, pausing between bursts; count samples as sent or dropped, never raise.

    Return whether all were sent. After ``deadline`` (monotonic seconds) what is left is dropped as ``timeout``.
    """
    sent = number = 0
    for number, (packet, samples) in enumerate(packets, 1):
        now = time.monotonic()
        if now > deadline:
            tally.drop("timeout", samples)
            continue
        try:
            transport.send(packet)
        except OSError as error:
            tally.drop(reason(error), samples)
            continue
        except Exception:  # noqa: BLE001  (for example a host name that cannot be encoded)
            tally.drop("network", samples)
            continue
        sent += 1
        tally.sent += samples
        tally.datagrams += 1
        tally.bytes += len(packet)
        if number % BURST == 0:
            time.sleep(PAUSE_SECONDS)
    return sent == number
