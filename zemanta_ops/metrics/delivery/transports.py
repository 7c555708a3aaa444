"""Hands datagrams to the agent: connected, non-blocking UDP, or TCP with reconnection; IPv4 and IPv6.

Only the flusher calls these, so no request waits for a name look-up or a connection. ``send`` raises OSError if the
datagram is lost, and the flusher counts it.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
import time
from typing import Any, Protocol

from zemanta_ops.metrics.catalog import DropReason
from zemanta_ops.metrics.clock import perf_counter

DNS_SECONDS = 60.0
CONNECT_SECONDS = 1.0
# Pause before a second attempt if the socket cannot take more now.
RETRY_SECONDS = 0.005
# The first and the longest pause between attempts to connect.
BACKOFF_SECONDS = (0.5, 30.0)

# As getaddrinfo returns it: family, kind, protocol, canonical name, address of a socket.
Address = tuple[Any, Any, int, str, Any]


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
        found = _resolve(*self._address, self._kind)
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


def _resolve(host: str, port: int, kind: socket.SocketKind) -> list[Address]:
    """Return the addresses of a name; raise OSError if it has none.

    gevent resolves names in threads of its own. While the process exits, none can start: then this thread resolves it.
    """
    try:
        return socket.getaddrinfo(host, port, type=kind)
    except RuntimeError:
        return _socket.getaddrinfo(host, port, type=kind)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error


class HeldSocket:
    """The socket of a transport, as long as its number is the transport's.

    Daemons close every number above standard error, and the system gives the numbers to the next files and connections
    of the application: what we sent there would end up in these.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._inode: tuple[int, int] | None = None

    def get(self) -> socket.socket | None:
        """Return the socket, or None if there is none or something else has its number."""
        if self._socket is not None and _find_inode(self._socket) != self._inode:
            self._socket.detach()
            self._socket = None
        return self._socket

    def replace(self, sock: socket.socket) -> socket.socket:
        """Close the socket, hold this one instead and return it."""
        self.close()
        self._socket, self._inode = sock, _find_inode(sock)
        return sock

    def close(self) -> None:
        """Close the socket, unless something else has its number."""
        sock = self.get()
        self._socket = None
        if sock is not None:
            sock.close()


def _find_inode(sock: socket.socket) -> tuple[int, int] | None:
    """Return what tells a socket from whatever may have its number later; None on Windows."""
    try:
        found = os.fstat(sock.fileno())
    except OSError:
        return None
    return found.st_dev, found.st_ino


class UDP:
    """A connected UDP socket, so that a dead agent is reported as ECONNREFUSED.

    The host name is resolved again every ``dns_seconds``, and after an error, which also moves on to the next address
    of the name. The socket is kept until there is a new one.
    """

    def __init__(self, host: str, port: int, dns_seconds: float = DNS_SECONDS) -> None:
        self._endpoint = Endpoint(host, port, socket.SOCK_DGRAM, BACKOFF_SECONDS)
        self._dns_seconds = dns_seconds
        self._held = HeldSocket()
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
        self._held.close()

    def _replace_next_time(self) -> None:
        # The next address of the name may be a healthy agent; with one address it is the same agent again.
        self._endpoint.skip_address()
        self._resolved_at = float("-inf")

    def _get_socket(self) -> socket.socket:
        sock = self._held.get()
        if sock is not None and perf_counter() - self._resolved_at < self._dns_seconds:
            return sock
        try:
            fresh = self._endpoint.connect()
        except OSError:
            # The name server may be down while the agent is well: the old socket serves until there is a new one.
            if sock is None:
                raise
            return sock
        self._resolved_at = perf_counter()
        return self._held.replace(fresh)


class TCP:
    """A stream of lines over a connection that is opened again when it is lost, with growing pauses."""

    def __init__(self, host: str, port: int, backoff: tuple[float, float] = BACKOFF_SECONDS) -> None:
        self._endpoint = Endpoint(host, port, socket.SOCK_STREAM, backoff)
        self._held = HeldSocket()

    def send(self, datagram: bytes) -> None:
        """Send the lines; raise OSError if they are lost."""
        sock = self._held.get()
        if sock is None or _has_ended(sock):
            # Nothing of this datagram has been sent yet, so a new connection loses none of it.
            self.close()
            sock = self._held.replace(self._endpoint.connect())
        try:
            sock.settimeout(CONNECT_SECONDS)
            sock.sendall(datagram + b"\n")
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._held.close()


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
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if error.errno == errno.EMSGSIZE:
        return "too_long"
    return "full" if isinstance(error, BlockingIOError) else "network"


def create_transport(protocol: str, host: str, port: int) -> Transport:
    """Return the transport for a protocol, ``udp`` or ``tcp``, without opening it."""
    return TCP(host, port) if protocol == "tcp" else UDP(host, port)
