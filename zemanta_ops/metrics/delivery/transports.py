"""Hands datagrams to the agent: connected, non-blocking UDP, or TCP with reconnection; IPv4 and IPv6.

Only the flusher calls these, so no request waits for a name look-up or a connection. ``send`` raises OSError if the
datagram is lost, and the flusher counts it.
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Protocol

from zemanta_ops.metrics.catalog import DropReason
from zemanta_ops.metrics.clock import perf_counter

DNS_SECONDS = 60.0
CONNECT_SECONDS = 1.0
# Pause before a second attempt if the socket cannot take more now.
RETRY_SECONDS = 0.005
# The first and the longest pause between attempts to connect.
BACKOFF_SECONDS = (0.5, 30.0)


class Transport(Protocol):
    """Carries datagrams to the agent."""

    def send(self, datagram: bytes) -> None:
        """Send one datagram of whole lines; raise OSError if it is lost."""
        ...

    def close(self) -> None:
        """Close the socket; a later send opens a new one."""
        ...


class Endpoint:
    """Opens sockets to one address, and waits longer after each attempt that fails."""

    def __init__(self, host: str, port: int, kind: socket.SocketKind, backoff: tuple[float, float]) -> None:
        self._address = (host, port)
        self._kind = kind
        self._backoff = backoff
        self._pause = 0.0
        self._retry_at = 0.0
        self._failure: OSError | None = None
        self._skipped = 0

    def skip_address(self) -> None:
        """Start with the next address of the name from now on, because this one has failed."""
        self._skipped += 1

    def connect(self) -> socket.socket:
        """Return a connected, non-blocking socket; during a pause, raise the last error again at once."""
        if self._failure is not None and perf_counter() < self._retry_at:
            raise type(self._failure)(*self._failure.args)
        try:
            sock = self._connect_first()
        except OSError as error:
            first, most = self._backoff
            self._pause = min(max(first, self._pause * 2), most)
            self._retry_at = perf_counter() + self._pause
            self._failure = error
            raise
        self._failure, self._pause = None, 0.0
        sock.setblocking(False)
        return sock

    def _connect_first(self) -> socket.socket:
        """Return a socket to the first address of the name that accepts a connection, from the current one on."""
        failure: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
        found = socket.getaddrinfo(*self._address, type=self._kind)
        start = self._skipped % len(found) if found else 0
        for family, kind, proto, _, target in [*found[start:], *found[:start]]:
            sock = socket.socket(family, kind, proto)
            sock.settimeout(CONNECT_SECONDS)
            try:
                sock.connect(target)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        raise failure


class UDP:
    """A connected UDP socket, so that a dead agent is reported as ECONNREFUSED.

    The host name is resolved again every ``dns_seconds``, and after an error, which also moves on to the next address
    of the name. The socket is kept until there is a new one.
    """

    def __init__(self, host: str, port: int, dns_seconds: float = DNS_SECONDS) -> None:
        self._endpoint = Endpoint(host, port, socket.SOCK_DGRAM, BACKOFF_SECONDS)
        self._dns_seconds = dns_seconds
        self._socket: socket.socket | None = None
        self._resolved_at = 0.0

    def send(self, datagram: bytes) -> None:
        """Send one datagram; raise OSError if it is lost, ECONNREFUSED if nothing listens."""
        sock = self._get_socket()
        try:
            _send_datagram(sock, datagram)
            # On loopback a refusal is known at once: ask now, so that it counts against the datagram that was lost.
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as failure:
            if failure.errno != errno.EMSGSIZE:
                self._replace_next_time()
            raise
        if error:
            self._replace_next_time()
            raise OSError(error, "the agent refused the datagram")

    def close(self) -> None:
        """Close the socket; the next send resolves the name again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _replace_next_time(self) -> None:
        # The next address of the name may be a healthy agent; with one address it is the same agent again.
        self._endpoint.skip_address()
        self._resolved_at = float("-inf")

    def _get_socket(self) -> socket.socket:
        if self._socket is not None and perf_counter() - self._resolved_at < self._dns_seconds:
            return self._socket
        try:
            fresh = self._endpoint.connect()
        except OSError:
            # The name server may be down while the agent is well: the old socket serves until there is a new one.
            if self._socket is None:
                raise
            return self._socket
        self.close()
        self._socket = fresh
        self._resolved_at = perf_counter()
        return self._socket


class TCP:
    """A stream of lines over a connection that is opened again when it is lost, with growing pauses."""

    def __init__(self, host: str, port: int, backoff: tuple[float, float] = BACKOFF_SECONDS) -> None:
        self._endpoint = Endpoint(host, port, socket.SOCK_STREAM, backoff)
        self._socket: socket.socket | None = None

    def send(self, datagram: bytes) -> None:
        """Send the lines; raise OSError if they are lost."""
        if self._socket is not None and _has_ended(self._socket):
            # Nothing of this datagram has been sent yet, so a new connection loses none of it.
            self.close()
        if self._socket is None:
            self._socket = self._endpoint.connect()
        try:
            self._socket.settimeout(CONNECT_SECONDS)
            self._socket.sendall(datagram + b"\n")
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _has_ended(sock: socket.socket) -> bool:
    """Return whether the other side has closed the connection: the first write after that is lost without an error."""
    sock.setblocking(False)
    try:
        return not sock.recv(64)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _send_datagram(sock: socket.socket, datagram: bytes) -> None:
    try:
        sock.send(datagram)
    except BlockingIOError:
        time.sleep(RETRY_SECONDS)
        sock.send(datagram)
    except ConnectionRefusedError:
        # The refusal belongs to an earlier datagram; this one has not been sent yet.
        sock.send(datagram)


def find_reason(error: OSError) -> DropReason:
    """Return the reason that an error of a transport is counted under."""
    if isinstance(error, socket.gaierror):
        return "dns"
    if isinstance(error, ConnectionRefusedError) or error.errno == errno.ECONNREFUSED:
        return "refused"
    if error.errno == errno.EMSGSIZE:
        return "too_long"
    return "full" if isinstance(error, BlockingIOError) else "network"


def create_transport(protocol: str, host: str, port: int) -> Transport:
    """Return the transport for a protocol, ``udp`` or ``tcp``, without opening it."""
    return TCP(host, port) if protocol == "tcp" else UDP(host, port)
