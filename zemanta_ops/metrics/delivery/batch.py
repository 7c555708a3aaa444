"""Turns a batch of samples into datagrams: group by series, encode, fill by bytes, send with pauses, count."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from zemanta_ops.metrics.catalog import DropReason
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.delivery.queue import QueueEntry
from zemanta_ops.metrics.delivery.statsd_writer import Line, encode
from zemanta_ops.metrics.delivery.transports import Transport, find_reason
from zemanta_ops.metrics.series.series import Series

# A datagram and the number of samples in it.
Packet = tuple[bytes, int]

# A kernel's default receive buffer holds 92 datagrams of 1,432 bytes. The sender gets no error when it is full.
BURST = 32
PAUSE_SECONDS = 0.004


class DeliveryCounts:
    """Counts what happened to samples in this process, since it started or was forked."""

    def __init__(self) -> None:
        self.sent = 0
        self.datagrams = 0
        self.bytes = 0
        self.dropped: dict[str, int] = {}
        self.report_at = 0.0
        self._reported: dict[str, int] = {}
        self._reported_before: dict[str, int] = {}

    def add_sent(self, packet: bytes, samples: int) -> None:
        """Count a datagram that the network took."""
        self.sent += samples
        self.datagrams += 1
        self.bytes += len(packet)

    def add_dropped(self, reason: DropReason, samples: int = 1) -> None:
        """Count samples that were dropped."""
        self.dropped[reason] = self.dropped.get(reason, 0) + samples

    def take_changes(self) -> list[tuple[str, int]]:
        """Return ``(reason, samples)`` for each count that changed since the last call; the reason "" means sent."""
        totals: dict[str, int] = {"": self.sent, **self.dropped}
        changes = [(reason, total - self._reported.get(reason, 0)) for reason, total in totals.items()]
        self._reported_before, self._reported = self._reported, totals
        return [(reason, change) for reason, change in changes if change]

    def repeat_changes(self) -> None:
        """Include the last changes in the next ``take_changes`` again, because they were not delivered."""
        self._reported = self._reported_before


def pack(batch: Iterable[QueueEntry], limit: int, counts: DeliveryCounts) -> list[Packet]:
    """Return a batch as datagrams of at most ``limit`` bytes; count what cannot be written."""
    return list(_fill_datagrams(_encode_groups(_group(batch), limit, counts), limit))


def _group(batch: Iterable[QueueEntry]) -> dict[Series, list[Any]]:
    """Collect the values of each series, in order; a companion gets their number, and so does each bucket."""
    groups: defaultdict[Series, list[Any]] = defaultdict(list)
    for series, value in batch:
        groups[series].append(value)
    for series, values in list(groups.items()):
        if series.companion is not None:
            groups[series.companion].append(len(values))
        if series.buckets:
            _count_buckets(series, values, groups)
    return groups


def _count_buckets(series: Series, values: Sequence[float], groups: defaultdict[Series, list[Any]]) -> None:
    """Count, for each limit, the values up to it. Done here, at a flush, it costs a request nothing."""
    ordered = sorted(values)
    for limit, bucket in series.buckets:
        if count := bisect_right(ordered, limit):
            groups[bucket].append(count)


def _encode_groups(groups: dict[Series, list[Any]], limit: int, counts: DeliveryCounts) -> Iterator[Line]:
    for series, values in groups.items():
        for result in encode(series, values, limit):
            if isinstance(result, Line):
                yield result
            else:
                counts.add_dropped(result.reason, result.samples)


def _fill_datagrams(lines: Iterable[Line], limit: int) -> Iterator[Packet]:
    texts: list[bytes] = []
    size = samples = 0
    for line in lines:
        if texts and size + len(line.text) > limit:
            yield b"\n".join(texts), samples
            texts, size, samples = [], 0, 0
        texts.append(line.text)
        size += len(line.text) + 1
        samples += line.samples
    if texts:
        yield b"\n".join(texts), samples


def append_last_packet(packets: list[Packet], own: list[Packet], limit: int) -> None:
    """Move the last of ``packets`` into the first datagram of ``own`` if both fit, to send one datagram less."""
    if packets and own and len(packets[-1][0]) + 1 + len(own[0][0]) <= limit:
        text, samples = packets.pop()
        own[0] = (text + b"\n" + own[0][0], samples + own[0][1])


def send(packets: Iterable[Packet], transport: Transport, counts: DeliveryCounts, deadline: float) -> bool:
    """Send every datagram, with a pause after each burst; count samples as sent or dropped, never raise.

    Args:
        packets: the datagrams.
        transport: where they go.
        counts: gets the numbers of samples.
        deadline: in seconds of ``clock.perf_counter``; what is left then is dropped as ``timeout``.

    Returns:
        Whether all were sent.
    """
    all_sent = True
    for number, (packet, samples) in enumerate(packets, 1):
        reason = _send_packet(packet, transport, deadline)
        if reason is not None:
            counts.add_dropped(reason, samples)
            all_sent = False
            continue
        counts.add_sent(packet, samples)
        if number % BURST == 0:
            time.sleep(PAUSE_SECONDS)
    return all_sent


def _send_packet(packet: bytes, transport: Transport, deadline: float) -> DropReason | None:
    """Send one datagram; return the reason if it is lost."""
    if perf_counter() > deadline:
        return "timeout"
    try:
        transport.send(packet)
    except OSError as error:
        return find_reason(error)
    except Exception:  # noqa: BLE001  (for example a host name that cannot be encoded)
        return "network"
    return None
