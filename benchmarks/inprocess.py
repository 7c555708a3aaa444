"""The measures that take turns within one process: requests, emits, numbers of series, datagrams."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import alternating, registry, site
from benchmarks.peers import BARE, Emit, Peer
from benchmarks.sink import Sink

SERIES = (10, 100, 1_000, 10_000)
WIDE = {"MAX_SERIES": 50_000, "MAX_TAG_VALUES": 50_000}


def wsgi(names: Sequence[str], turns: int, requests: int) -> dict[str, Any]:
    """Return what a request costs under WSGI, in microseconds and as a ratio to bare Django."""
    sink = Sink()
    peers = registry.set_up(names, sink.port)

    def block(peer: Peer) -> Callable[[], None]:
        request = site.wsgi(peer.middleware)

        def run() -> None:
            for _ in range(requests):
                request()
            peer.flush()

        return run

    blocks = {peer.name: block(peer) for peer in peers}
    return _compared(alternating.take_turns(blocks, turns, sink.drain, "wsgi"), requests)


def asgi(names: Sequence[str], turns: int, requests: int) -> dict[str, Any]:
    """Return the same under ASGI."""
    sink = Sink()
    peers = registry.set_up(names, sink.port)

    def block(peer: Peer) -> Callable[[], Any]:
        request = site.asgi(peer.middleware)

        async def run() -> None:
            for _ in range(requests):
                await request()
            peer.flush()

        return run

    blocks = {peer.name: block(peer) for peer in peers}
    return _compared(asyncio.run(alternating.take_turns_async(blocks, turns, sink.drain, "asgi")), requests)


def _compared(turns: list[alternating.Turn], requests: int) -> dict[str, Any]:
    return {
        name: {
            "microseconds": statistics.median(turn[name] for turn in turns) / requests * 1e6,
            "ratio": alternating.summary(values),
        }
        for name, values in alternating.ratios(turns, BARE).items()
    }


def emits(names: Sequence[str], turns: int, calls: int) -> dict[str, Any]:
    """Return nanoseconds of one call with one tag, what is queued not yet sent; the median and the fastest turn."""
    sink = Sink()
    peers = registry.set_up(names, sink.port)
    values = ["pro"] * calls
    blocks = {
        f"{peer.name} {kind}": (lambda emit=emit: emit(values)) for peer in peers for kind, emit in peer.emits.items()
    }

    def between() -> None:
        sink.drain()
        for peer in peers:
            peer.flush()

    taken = alternating.take_turns(blocks, turns, between, "emits")
    found: dict[str, Any] = {}
    for name in blocks:
        peer, _, kind = name.rpartition(" ")
        times = [turn[name] / calls * 1e9 for turn in taken]
        found.setdefault(peer, {})[kind] = {"median": statistics.median(times), "fastest": min(times)}
    return found


def series(names: Sequence[str], turns: int, calls: int) -> dict[str, Any]:
    """Return nanoseconds of an ``incr`` over 10 to 10,000 series in turn, and the ratios to 10 series."""
    sink = Sink()
    peers = registry.set_up(names, sink.port, **WIDE)
    found = {}
    for peer in peers:
        if "incr" not in peer.emits:
            continue
        blocks = {str(count): _spread(peer.emits["incr"], count, calls) for count in SERIES}

        def between(peer: Peer = peer) -> None:
            peer.flush()
            sink.drain()

        taken = alternating.take_turns(blocks, turns, between, f"series, {peer.name}")
        found[peer.name] = {
            "nanoseconds": {name: statistics.median(turn[name] for turn in taken) / calls * 1e9 for name in blocks},
            "ratio": {name: alternating.summary(each) for name, each in alternating.ratios(taken, "10").items()},
        }
    return found


def _spread(emit: Emit, count: int, calls: int) -> Callable[[], object]:
    tags = [f"value-{number}" for number in range(count)]
    # All of a block's tags are used before it is measured, so that no series is new in it.
    emit(tags)
    values = (tags * (calls // count + 1))[:calls]
    return lambda: emit(values)


def volume(names: Sequence[str]) -> dict[str, Any]:
    """Return the datagrams and bytes that 1,000 requests of one view lead to."""
    sink = Sink()
    found = {}
    for peer in registry.set_up(names, sink.port):
        request = site.wsgi(peer.middleware)
        peer.flush()
        sink.drain()
        before = sink.datagrams, sink.bytes
        for number in range(1_000):
            request()
            if number % 50 == 0:
                sink.drain()
        peer.flush()
        sink.drain()
        if peer.sends:
            found[peer.name] = {"datagrams": sink.datagrams - before[0], "bytes": sink.bytes - before[1]}
    return found


def missing(names: Sequence[str]) -> dict[str, str]:
    """Return the peers that are not installed, with the reason."""
    site.setup(9)
    absent = {}
    for name in names:
        try:
            registry.make([name], 9)
        except ImportError as error:
            absent[name] = str(error)
    return absent
