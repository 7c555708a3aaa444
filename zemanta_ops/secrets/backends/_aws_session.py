"""Clients of AWS KMS: any credentials that botocore finds, one client a region, ready when they are returned.

Of boto3 only botocore is used, its lower half: what boto3 adds has no part in this, and each start would pay for it.
"""

from __future__ import annotations

import functools
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from zemanta_ops.secrets.exceptions import MissingExtraError

try:
    import botocore.exceptions
    import botocore.session
    from botocore.config import Config
    from botocore.loaders import Loader
except ImportError:
    raise MissingExtraError("the kms backend", "kms") from None

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

# A KMS that never answers is given up after two attempts, well within 15 seconds.
CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
CONCURRENCY = 32

_REGION = re.compile(r"[a-z]{2,10}(-[a-z0-9]{1,20}){1,4}")
_ARN = re.compile(r"arn:[a-z0-9-]{1,20}:kms:([a-z0-9-]{1,50}):")

_clients: dict[str, KMSClient] = {}
_lock = threading.Lock()


class CredentialSourceError(botocore.exceptions.BotoCoreError):
    """A source of credentials fails with an error that is not botocore's: a missing file, an answer that is not JSON.

    Only the name of the error is kept: its text may hold what a program printed.
    """

    fmt = "{cause}"


class _InstalledServices(list[str]):
    """Contains every service that botocore has a description of, and looks for it only when it is asked for one."""

    def __init__(self, folders: list[str]) -> None:
        super().__init__()
        self._folders = folders

    def __contains__(self, name: object) -> bool:
        return any(Path(folder, str(name)).is_dir() for folder in self._folders)


class _Loader(Loader):
    """Finds a service in its own folder.

    The default lists the folders of all 400 services first, twice. Credentials from web identity, roles and SSO are
    fetched by clients of other services, which this loader finds as well.
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002
        return _InstalledServices(self.search_paths)


def is_region(text: str) -> bool:
    """Return whether a text has the form of an AWS region."""
    return bool(_REGION.fullmatch(text))


def region_of_key(key: str) -> str:
    """Return the region that the ARN of a key or alias names; "" for an id or an alias alone."""
    found = _ARN.match(key)
    return found[1] if found else ""


def default_region() -> str:
    """Return ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the region of the profile; "" if there is none."""
    return os.environ.get("AWS_REGION") or _new_session().get_config_variable("region") or ""


def client(region: str) -> KMSClient:
    """Return the client of a region, which has its credentials already; made once a process.

    Raises:
        botocore.exceptions.BotoCoreError: No credentials, or they cannot be fetched.
        CredentialSourceError: Their source fails in another way.
        botocore.exceptions.ClientError: The service that issues credentials refuses.
    """
    with _lock:
        if region not in _clients:
            _clients[region] = _new_client(region)
        return _clients[region]


@functools.cache
def is_retry_configured() -> bool:
    """Return whether the user decides about retries: ``AWS_MAX_ATTEMPTS``, ``AWS_RETRY_MODE`` or the profile."""
    return _has_retries(_new_session())


def _has_retries(session: botocore.session.Session) -> bool:
    # Asked for the variables, botocore answers with its own defaults too.
    profile = session.get_scoped_config()
    return any(f"AWS_{name.upper()}" in os.environ or name in profile for name in ("max_attempts", "retry_mode"))


def _new_session() -> botocore.session.Session:
    session = botocore.session.Session()
    folders = session.get_config_variable("data_path") or ""
    session.register_component("data_loader", _Loader(list(filter(None, folders.split(os.pathsep)))))
    return session


def _new_client(region: str) -> KMSClient:
    session = _new_session()
    if session.get_config_variable("region") is None:
        # Roles are assumed in this region too.
        session.set_config_variable("region", os.environ.get("AWS_REGION") or region)
    # Clients that fetch credentials inherit it: they must not hang longer than KMS itself may.
    session.set_default_client_config(
        Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONCURRENCY,
            **_retries(session),
        )
    )
    _fetch_credentials(session)
    return cast("KMSClient", session.create_client("kms", region_name=region))


def _fetch_credentials(session: botocore.session.Session) -> None:
    """Fetch them once: concurrent calls would each try, one after the other, and each wait for a time-out."""
    cause = ""
    try:
        credentials = session.get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
        raise
    except Exception as error:  # noqa: BLE001  (programs, files and servers of any kind are read)
        cause = type(error).__name__
    if cause:
        raise CredentialSourceError(cause=cause)
    if credentials is None:
        raise botocore.exceptions.NoCredentialsError


def _retries(session: botocore.session.Session) -> dict[str, Any]:
    return {} if _has_retries(session) else {"retries": {"mode": "standard", "total_max_attempts": 1}}


def forget_clients() -> None:
    """Drop every client: a forked child must not share connections."""
    global _lock
    _lock = threading.Lock()
    _clients.clear()
    is_retry_configured.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_clients)
