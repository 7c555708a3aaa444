"""Passes statsd datagrams on to another agent, unchanged."""

from __future__ import annotations

import socket

from zemanta_ops.metrics.stack.listening import show_address


class ForwardError(Exception):
    """The address to forward to is not usable; the text says why."""


class Forwarder:
    """A connected UDP socket: a dead receiver shows as a refusal, which is counted and never raised.

    Args:
        target: ``host:port``, ``[IPv6]:port``.

    Raises:
        ForwardError: the target is not of that form, or the host is unknown.

    """

    def __init__(self, target: str) -> None:
        host, port = split_target(target)
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except socket.gaierror as error:
            raise ForwardError(f"cannot forward to {target}: the host name is not known here") from error
        self._socket = socket.socket(family, kind)
        self._socket.setblocking(False)
        self._socket.connect(address)
        self.target = show_address(host, port)
        self.sent = 0
        self.failed = 0
        self.reason = ""

    def send(self, datagram: bytes) -> None:
        """Pass one datagram on, or count it as failed with the reason."""
        try:
            self._socket.send(datagram)
        except OSError as error:
            self.failed += 1
            self.reason = error.strerror or str(error)
        else:
            self.sent += 1

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def split_target(target: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; brackets around an IPv6 address are taken off."""
    host, colon, port = target.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ForwardError(f"cannot forward to {target!r}: expected host:port, for example 127.0.0.1:8126")
    return host.removeprefix("[").removesuffix("]"), int(port)
