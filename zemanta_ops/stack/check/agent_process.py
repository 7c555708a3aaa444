"""What this machine reports about the agent: which program has the port, and whether it reads what arrives.

Only facts that Linux shows without special rights are required; what cannot be read is unknown.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from zemanta_ops.stack.agent_contract import WATCH_METRICS
from zemanta_ops.stack.check.agent_config import AgentConfig, read_config
from zemanta_ops.stack.sockets import read_port_sockets, resolve

TELEGRAF = "telegraf"
# An option of watch_metrics, which may be abbreviated.
_WRITE = "--write"


@dataclass(frozen=True)
class AgentProcess:
    """The program that has the agent's port on this machine.

    ``name`` is empty if that cannot be read. ``writes`` is false for a ``watch_metrics`` without ``--write``.
    """

    sockets: frozenset[str] = frozenset()
    waiting: int = 0
    pid: int = 0
    name: str = ""
    is_stopped: bool = False
    writes: bool = True
    config: AgentConfig = field(default_factory=AgentConfig)


def is_local(host: str) -> bool:
    """Return whether a host name or address is one of this machine."""
    try:
        found = resolve(host, 0, socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, _, _, address in found:
        with suppress(OSError), socket.socket(family, kind) as probe:
            probe.bind(address)
            return True
    return False


def find_agent_process(protocol: str, port: int) -> AgentProcess | None:
    """Return the program that has the port on this machine; None if nobody has it or that cannot be known."""
    sockets = [each for each in read_port_sockets(protocol, port) if each.is_listening]
    if not sockets:
        return None
    inodes = frozenset(each.inode for each in sockets)
    waiting = sum(each.waiting for each in read_port_sockets(protocol, port))
    pid = _find_owner(inodes)
    if not pid:
        return AgentProcess(inodes, waiting)
    name, state = _read_state(pid)
    config = read_config(pid) if name == TELEGRAF else AgentConfig()
    arguments = _read_arguments(pid)
    is_ours = WATCH_METRICS in arguments
    writes = not is_ours or any(len(each) > 2 and _WRITE.startswith(each) for each in arguments)
    return AgentProcess(inodes, waiting, pid, WATCH_METRICS if is_ours else name, state in ("T", "t"), writes, config)


def _find_owner(inodes: frozenset[str]) -> int:
    """Return the process that has one of these sockets open; 0 if it belongs to another user."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(each.readlink()) in wanted for each in (process / "fd").iterdir()):
                return int(process.name)
        except OSError:  # another user's, or it has just ended
            continue
    return 0


def _read_state(pid: int) -> tuple[str, str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()[0] if rest.split() else ""


def _read_arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:
        return []


class ListenerWatch:
    """Follows who has the port while the probe is on its way: whether it changes, and whether it reads.

    ``waiting`` is the number of bytes that were never read in ``STUCK_SECONDS``.
    """

    STUCK_SECONDS = 1.0

    def __init__(self, protocol: str, port: int, *, is_local: bool) -> None:
        self._protocol = protocol
        self._port = port
        self.is_local = is_local
        self._seen: list[frozenset[str]] = []
        self._stuck_since: float | None = None
        self.is_stuck = False

    def look(self) -> None:
        """Note the sockets on the port now."""
        if not self.is_local:
            return
        sockets = list(read_port_sockets(self._protocol, self._port))
        listening = frozenset(each.inode for each in sockets if each.is_listening)
        if not self._seen or self._seen[-1] != listening:
            self._seen.append(listening)
        now = time.monotonic()
        if not any(each.waiting for each in sockets):
            self._stuck_since, self.is_stuck = None, False
        elif self._stuck_since is None:
            self._stuck_since = now
        else:
            self.is_stuck = now - self._stuck_since >= self.STUCK_SECONDS

    @property
    def changes(self) -> int:
        """How many times another socket took the port, or none had it."""
        return max(len(self._seen) - 1, 0)
