"""Forward statsd datagrams to another agent, unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from socket import SOCK_DGRAM, gaierror

from zemanta_ops.metrics.delivery.transports import UDP
from zemanta_ops.stack.agent.report import Forwarded
from zemanta_ops.stack.sockets import resolve, show_address

# The largest UDP datagram over IPv4. What arrives over TCP may be larger.
MAX_BYTES = 65_507


class ForwardError(Exception):
    """The address to forward to cannot be used; the message says why."""


class Forwarder:
    """Sends over UDP. If the receiver on this machine is down, that is counted and never raised.

    Args:
        target: ``host:port`` or ``[IPv6]:port``.

    Raises:
        ForwardError: The target is not of that form, or the host cannot be resolved.

    """

    def __init__(self, target: str) -> None:
        host, port = split_target(target)
        try:
            resolve(host, port, SOCK_DGRAM)
        except gaierror as error:
            raise ForwardError(f"cannot forward to {target}: the host name cannot be resolved") from error
        self._transport = UDP(host, port)
        self.target = show_address(host, port)
        self.sent = 0
        self.failed = 0
        self.reason = ""

    def send(self, datagram: bytes) -> None:
        """Forward one datagram, or count it as failed with the reason."""
        for part in _split_lines(datagram):
            try:
                self._transport.send(part)
            except OSError as error:
                self.failed += 1
                self.reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
            else:
                self.sent += 1

    def read_state(self) -> Forwarded:
        """Return the counts so far."""
        return Forwarded(self.target, self.sent, self.failed, self.reason)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()


def split_target(target: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, without the brackets around an IPv6 address."""
    host, colon, port = target.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ForwardError(f"cannot forward to {target!r}: it is not host:port, for example 127.0.0.1:8126")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _split_lines(lines: bytes) -> Iterator[bytes]:
    """Yield the lines in parts that fit a datagram; the kernel refuses a single line that is too long."""
    while len(lines) > MAX_BYTES:
        end = lines.rfind(b"\n", 0, MAX_BYTES + 1)
        if end < 0:
            break
        yield lines[:end]
        lines = lines[end + 1 :]
    yield lines
