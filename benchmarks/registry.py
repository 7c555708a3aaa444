"""Every peer by name, and those of them that can be measured here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks import peers, pulled, site
from benchmarks.peers import BARE, OURS, Peer

# Always measured: what the others are compared with, the floor, and this package.
OWN: dict[str, Callable[[int], Peer]] = {
    BARE: peers.bare,
    "list-append": peers.list_append,
    OURS: peers.zemanta_ops,
}
MAKERS: dict[str, Callable[[int], Peer]] = {
    "zemanta_ops-buckets": peers.zemanta_ops_buckets,
    "datadogpy": peers.datadogpy,
    "datadogpy-buffered": peers.datadogpy_buffered,
    "datadogpy-aggregating": peers.datadogpy_aggregating,
    "statsd": peers.statsd,
    "statsd-influx": peers.statsd_influx,
    "markus": pulled.markus,
    "django-prometheus": pulled.django_prometheus,
    "opentelemetry": pulled.opentelemetry,
    "django-statsd": peers.django_statsd,
}


def make(names: Sequence[str], port: int) -> list[Peer]:
    """Return these peers, ready to send to a port of this machine; Django is set up already."""
    return [(OWN | MAKERS)[name](port) for name in names]


def set_up(names: Sequence[str], port: int, **metrics: object) -> list[Peer]:
    """Set Django up and return the peers; once a process."""
    site.setup(port, **metrics)
    return make(names, port)
