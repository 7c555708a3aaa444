"""Sends statsd lines to an agent under test."""

from __future__ import annotations

import socket
from contextlib import closing


def send(port: int, *datagrams: bytes | str, host: str = "127.0.0.1") -> None:
    """Send each datagram over UDP."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with closing(socket.socket(family, kind)) as sender:
        for datagram in datagrams:
            sender.sendto(datagram.encode() if isinstance(datagram, str) else datagram, address)


def send_tcp(port: int, *chunks: bytes) -> None:
    """Send each chunk over one TCP connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
        for chunk in chunks:
            sender.sendall(chunk)
