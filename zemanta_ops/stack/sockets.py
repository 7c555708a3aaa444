"""Listening sockets, one for each address of a host name, and the datagrams that the kernel dropped."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# By default the kernel holds about 90 datagrams of 1,432 bytes. It grants as much of this as net.core.rmem_max allows.
RECEIVE_BUFFER = 4 * 1024 * 1024
# The state of a listening TCP socket in ``/proc/net/tcp``.
_LISTENING = "0A"
# As getaddrinfo returns it: family, kind, protocol, canonical name, address of a socket.
Address = tuple[Any, Any, int, str, Any]
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """The agent cannot listen; the message says why and what to do."""


def listen(host: str, port: int, protocol: str = "udp") -> list[socket.socket]:
    """Return bound, non-blocking sockets for every address of ``host``.

    Port 0 chooses a free port, the same one for each address. ``protocol`` is ``udp`` or ``tcp``.

    Raises:
        ListenError: The port is in use, the host is unknown or not this machine, or the port is not permitted.

    """
    try:
        return _listen_once(host, port, protocol)
    except OSError as error:
        if not port and error.errno == errno.EADDRINUSE:
            # The port that was free on one address is in use on another.
            return listen(host, 0, protocol)
        raise ListenError(_explain(error, host, port, protocol)) from error


def resolve(host: str, port: int, kind: socket.SocketKind, flags: int = 0) -> list[Address]:
    """Return the addresses of a name; ``socket.gaierror`` if it has none, or is not a name at all."""
    try:
        return socket.getaddrinfo(host or None, port, type=kind, flags=flags)
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


def get_address(listener: socket.socket) -> tuple[str, int]:
    """Return the host and the port that a socket is bound to."""
    host, port = listener.getsockname()[:2]
    return host, port


def show_address(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def count_kernel_drops(listeners: Sequence[socket.socket]) -> int | None:
    """Return how many datagrams the kernel dropped because the buffer was full; None without ``/proc/net``."""
    inodes = {str(os.fstat(each.fileno()).st_ino) for each in listeners}
    found = [int(columns[-1]) for columns in _read_socket_table() if columns[9] in inodes]
    return sum(found) if found else None


def count_kernel_drops_of_port(port: int) -> int | None:
    """Return how many datagrams the kernel dropped for the sockets on a port since they were opened, or None."""
    found = [int(columns[-1]) for columns in _read_socket_table() if int(columns[1].rpartition(":")[2], 16) == port]
    return sum(found) if found else None


@dataclass(frozen=True)
class PortSocket:
    """A socket on a port of this machine; ``waiting`` is what its program has not read or accepted yet."""

    inode: str
    is_listening: bool
    waiting: int


def read_port_sockets(protocol: str, port: int) -> Iterator[PortSocket]:
    """Yield the sockets with this local port; nothing without ``/proc/net``."""
    for columns in _read_socket_table(protocol):
        if int(columns[1].rpartition(":")[2], 16) == port:
            listening = protocol == "udp" or columns[3] == _LISTENING
            yield PortSocket(columns[9], listening, int(columns[4].partition(":")[2], 16))


def _read_socket_table(protocol: str = "udp") -> Iterator[list[str]]:
    for table in (f"/proc/net/{protocol}", f"/proc/net/{protocol}6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        yield from (line.split() for line in lines)


def _listen_once(host: str, port: int, protocol: str) -> list[socket.socket]:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    addresses = resolve(host, port, kind, socket.AI_PASSIVE)
    missing: OSError | None = None
    with ExitStack() as on_failure:
        bound: list[socket.socket] = []
        for family, _, _, _, address in dict.fromkeys(addresses):
            port_to_bind = get_address(bound[0])[1] if bound else port
            try:
                bound.append(on_failure.enter_context(_bind(family, kind, address, port_to_bind)))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
        if not bound and missing:
            raise missing
        on_failure.pop_all()
        return bound


def _bind(family: int, kind: int, address: tuple[object, ...], port: int) -> socket.socket:
    listener = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listener.setblocking(False)
        listener.bind((address[0], port, *address[2:]))
        if kind == socket.SOCK_STREAM:
            listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _explain(error: OSError, host: str, port: int, protocol: str) -> str:
    where = f"{protocol} {show_address(host, port)}"
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {where}: the host name {host!r} cannot be resolved. Set HOST, or pass --host"
    if error.errno == errno.EADDRINUSE:
        return (
            f"cannot listen on {where}: the port is in use, perhaps by Telegraf. "
            f"Stop that program, or choose another port with --port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: that address is not one of this machine. Pass --host 127.0.0.1"
    if error.errno == errno.EACCES:
        return f"cannot listen on {where}: a port below 1024 needs privileges. Choose another with --port"
    return f"cannot listen on {where}: {error.strerror or error}"
