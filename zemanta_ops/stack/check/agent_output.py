"""Whether the URLs that Telegraf writes to accept a connection, and whether it accepts their certificates.

Telegraf has its own authorities: ``tls_ca`` of the output, else those of the system. So it may refuse a certificate
that the commands accept.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from zemanta_ops.stack.databases.http import describe_tls

_SECONDS = 2.0
# The variables with which Go replaces the authorities of the system.
_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class OutputTarget:
    """One URL of an output, and how the output verifies its certificate.

    ``authority`` is ``tls_ca``, "" for those of the system. ``server_name`` is the name in the certificate, "" for the
    host of the URL.
    """

    url: str
    authority: str = ""
    server_name: str = ""
    is_verified: bool = True


@dataclass(frozen=True)
class Obstacle:
    """Why nothing can be written to a URL; ``cause`` is a key of ``ADVICE``."""

    cause: str
    text: str


def find_obstacle(targets: Sequence[OutputTarget], pid: int) -> Obstacle | None:
    """Return why Telegraf cannot write to any of its URLs; None if it can write to one, or if that is unknown.

    Args:
        targets: All URLs that it writes to.
        pid: Its process.

    """
    environment = _read_authorities(pid)
    found: list[Obstacle] = []
    for target in targets:
        obstacle = _try_target(target, environment)
        if obstacle is None:
            return None
        found.append(obstacle)
    # A certificate is more of a finding than one of several databases that is down.
    return min(found, key=lambda each: each.cause != "agent_tls", default=None)


def _read_authorities(pid: int) -> Mapping[str, str]:
    """Return the variables of a process that name authorities, if this user may read them; nothing else of it."""
    with suppress(OSError, ValueError):
        entries = (
            entry.partition("=") for entry in Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
        )
        return {name: value for name, _, value in entries if name in (_FILE, _FOLDER) and value}
    return {}


def _try_target(target: OutputTarget, environment: Mapping[str, str]) -> Obstacle | None:
    parts = urlsplit(target.url)
    host = parts.hostname or ""
    try:
        connection = socket.create_connection((host, parts.port or _DEFAULT_PORTS[parts.scheme]), _SECONDS)
    except OSError as error:
        return Obstacle("agent_not_writing", f"{target.url} cannot be reached: {error.strerror or error}")
    with connection:
        if parts.scheme == "https":
            return _try_certificate(target, connection, host, environment)
        is_tls = _shake_hands(_create_context(), connection, host) is None
    return Obstacle("agent_tls", f"{target.url}: the port speaks TLS, so the URL needs https://") if is_tls else None


def _try_certificate(
    target: OutputTarget, connection: socket.socket, host: str, environment: Mapping[str, str]
) -> Obstacle | None:
    context = _create_context()
    if target.is_verified:
        context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
        if not _load(context, target.authority, environment):
            return None
    error = _shake_hands(context, connection, target.server_name or host)
    if error is None:
        return None
    known = f"tls_ca = {target.authority}" if target.authority else "the authorities of this machine, without tls_ca"
    return Obstacle("agent_tls", f"with {known}, {target.url}: {describe_tls(error)}")


def _create_context() -> ssl.SSLContext:
    """Return a context that accepts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _load(context: ssl.SSLContext, authority: str, environment: Mapping[str, str]) -> bool:
    """Let a context accept what Telegraf accepts; return False if that cannot be known."""
    try:
        if authority:
            context.load_verify_locations(authority)
            return True
        paths = (ssl.get_default_verify_paths().openssl_cafile, *_FILES)
        file = environment.get(_FILE) or next((path for path in paths if Path(path).is_file()), None)
        folder = environment.get(_FOLDER) or ssl.get_default_verify_paths().openssl_capath
        context.load_verify_locations(file, folder if Path(folder).is_dir() else None)
    except (OSError, TypeError):
        return False
    return True


def _shake_hands(context: ssl.SSLContext, connection: socket.socket, name: str) -> Exception | None:
    """Return why a TLS handshake failed, or None."""
    try:
        context.wrap_socket(connection, server_hostname=name).close()
    except (OSError, ValueError) as error:
        return error
    return None
