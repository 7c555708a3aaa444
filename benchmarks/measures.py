"""Every measure by name; each runs in a new process, so that none finds what another has left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from benchmarks import inprocess, processes
from benchmarks.peers import BARE, OURS
from benchmarks.registry import OWN

# What is fetched or exported as sums has no datagrams to lose; a list is sent nowhere; the last one has no client.
NO_BURST = ("django-prometheus", "opentelemetry", "django-statsd")


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    turns: int = 120
    emit_turns: int = 60
    series_turns: int = 20
    requests: int = 200
    calls: int = 5_000
    series_calls: int = 20_000
    memory_requests: int = 200_000
    processes: int = 4
    increments: int = 50_000
    gunicorn_turns: int = 30
    gunicorn_requests: int = 100

    @classmethod
    def full(cls, turns: int | None) -> Scale:
        """Return what the published figures are made with; ``turns`` is how often, if given."""
        return cls() if turns is None else cls(turns=turns, emit_turns=turns, series_turns=turns, gunicorn_turns=turns)

    @classmethod
    def quick(cls) -> Scale:
        """Return just enough to see that all of it runs."""
        return cls(2, 2, 2, 20, 100, 10_000, 400, 2, 1_000, 1, 5)


def missing(names: Sequence[str]) -> dict[str, str]:
    """Return the peers that are not installed here, with the reason."""
    return dict(_alone(inprocess.missing, names))


def wsgi(names: Sequence[str], scale: Scale) -> Any:
    """Measure a request under WSGI."""
    return _alone(inprocess.wsgi, [*OWN, *names], scale.turns, scale.requests)


def asgi(names: Sequence[str], scale: Scale) -> Any:
    """Measure a request under ASGI."""
    return _alone(inprocess.asgi, [*OWN, *names], scale.turns, scale.requests)


def emits(names: Sequence[str], scale: Scale) -> Any:
    """Measure a call."""
    return _alone(inprocess.emits, [*OWN, *names], scale.emit_turns, scale.calls)


def series(names: Sequence[str], scale: Scale) -> Any:
    """Measure a call by the number of series."""
    return _alone(inprocess.series, [*OWN, *names], scale.series_turns, scale.series_calls)


def volume(names: Sequence[str], scale: Scale) -> Any:
    """Count what is sent."""
    return _alone(inprocess.volume, [*OWN, *names])


def memory(names: Sequence[str], scale: Scale) -> Any:
    """Measure memory, of bare Django and of this package only: it takes long."""
    return {name: _alone(processes.memory, [name], scale.memory_requests) for name in (BARE, OURS)}


def burst(names: Sequence[str], scale: Scale) -> Any:
    """Count what arrives of a burst."""
    sending = [OURS, *(name for name in names if name not in NO_BURST)]
    return {name: processes.burst(name, scale.processes, scale.increments) for name in sending}


def gunicorn(names: Sequence[str], scale: Scale) -> Any:
    """Measure a server's throughput."""
    return processes.gunicorn([*OWN, *names], scale.gunicorn_turns, scale.gunicorn_requests)


MEASURES: dict[str, Callable[[Sequence[str], Scale], Any]] = {
    "wsgi": wsgi,
    "asgi": asgi,
    "emits": emits,
    "volume": volume,
    "series": series,
    "burst": burst,
    "gunicorn": gunicorn,
    "memory": memory,
}


def _alone(function: Callable[..., Any], *arguments: Any) -> Any:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
