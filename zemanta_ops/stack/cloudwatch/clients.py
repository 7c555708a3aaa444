"""Clients of AWS: one per service, region and role, which threads may share."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Protocol

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.cloudwatch.declarations import OWN
from zemanta_ops.stack.cloudwatch.failures import SetupError

try:
    import botocore.session
    from botocore.config import Config
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import NoCredentialsError
    from botocore.utils import parse_timestamp
except ImportError:
    raise MissingExtraError("CloudWatch", "cloudwatch") from None

ATTEMPTS = 5
# As many requests as are sent at the same time.
CONNECTIONS = 4
_SESSION_NAME = "zemanta-ops-cloudwatch"


class Clients(Protocol):
    """What ``push`` needs of AWS."""

    def get_client(self, service: str, region: str, role: str) -> Any:
        """Return the client of ``cloudwatch`` or ``resourcegroupstaggingapi`` for a region and a role."""
        ...


def _create_session() -> botocore.session.Session:
    session = botocore.session.get_session()
    factory = session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=_parse_timestamp)
    return session


def _parse_timestamp(value: Any) -> Any:
    """Return a number as it is: a datetime for each of 100,000 points would cost a second."""
    return value if isinstance(value, (int, float)) else parse_timestamp(value)


class AwsClients:
    """Clients with the credentials that boto3 finds, or with those of a role that these may assume.

    Args:
        adaptive: Slow down when AWS throttles, which suits a long back-fill; otherwise only retry.
        connect_timeout: Seconds until a connection must be open.
        read_timeout: Seconds until an answer must begin.

    """

    def __init__(self, *, adaptive: bool = False, connect_timeout: float = 5.0, read_timeout: float = 20.0) -> None:
        self._session = _create_session()
        self._roles: dict[str, botocore.session.Session] = {OWN: self._session}
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._config = Config(
            retries={"mode": "adaptive" if adaptive else "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    @property
    def default_region(self) -> str:
        """Return the region that the environment or the files of AWS name, or an empty string."""
        return os.environ.get("AWS_REGION") or self._session.get_config_variable("region") or ""

    def get_client(self, service: str, region: str, role: str) -> Any:
        """Return the client; nothing is sent yet."""
        key = (service, region, role)
        if key not in self._clients:
            session = self._get_session(role, region)
            try:
                self._clients[key] = session.create_client(service, region_name=region, config=self._config)
            except ValueError as error:
                # An address in the environment or in a file.
                raise SetupError(reason=str(error)) from None
        return self._clients[key]

    def _get_session(self, role: str, region: str) -> botocore.session.Session:
        if role not in self._roles:
            own = self._session.get_credentials()
            if own is None:
                raise NoCredentialsError
            fetcher = AssumeRoleCredentialFetcher(
                client_creator=partial(self._session.create_client, region_name=region, config=self._config),
                source_credentials=own,
                role_arn=role,
                extra_args={"RoleSessionName": _SESSION_NAME},
            )
            session = _create_session()
            # botocore has no public way to give a session credentials that refresh themselves.
            session._credentials = DeferredRefreshableCredentials(  # type: ignore[attr-defined]
                method="assume-role", refresh_using=fetcher.fetch_credentials
            )
            self._roles[role] = session
        return self._roles[role]
