"""The hops of a metric from the application to InfluxDB, and the finding at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from zemanta_ops.stack.check.causes import ADVICE

HOPS = ("settings", "agent", "database", "telegraf", "probe")
FIRST_EXIT_CODE = 10

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class Hop:
    """The finding at one hop. If something is wrong, ``cause`` is a key of ``causes.ADVICE``; times are in seconds."""

    name: str
    status: Status
    text: str
    cause: str = ""
    seconds: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        """Return what to do."""
        return ADVICE.get(self.cause, "")

    @property
    def exit_code(self) -> int:
        """Return the exit code for a failure of this hop."""
        return FIRST_EXIT_CODE + HOPS.index(self.name)


@dataclass(frozen=True)
class FlowReport:
    """All hops in order; ``latency`` is how many seconds the probe took to be readable, None if it did not arrive."""

    hops: tuple[Hop, ...]
    latency: float | None = None

    @property
    def exit_code(self) -> int:
        """Return the exit code of the first hop that failed, 0 if none did."""
        return next((hop.exit_code for hop in self.hops if hop.status == "failed"), 0)

    def build_document(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return {
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "latency_seconds": self.latency,
            "hops": [{**asdict(hop), "advice": hop.advice} for hop in self.hops],
        }


def skip_hop(name: str, text: str) -> Hop:
    """Return a hop that was not checked, and why."""
    return Hop(name, "skipped", text)


def fail_hop(name: str, cause: str, text: str, seconds: float | None = None, **details: Any) -> Hop:
    """Return a hop at which the flow stops."""
    return Hop(name, "failed", text, cause, seconds, details)
