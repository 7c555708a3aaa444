"""A session with Vault: log in, send requests, and revoke the login's token."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.backends._environment import from_environment
from zemanta_ops.secrets.exceptions import (
    DecryptError,
    DeniedError,
    EncryptError,
    MissingExtraError,
    MissingKeyError,
    SecretError,
    ThrottledError,
    UnreachableError,
    WrongKeyError,
)

try:
    import hvac
    import hvac.utils
    import requests
    from hvac.adapters import RawAdapter
except ImportError:
    raise MissingExtraError("the vault backend", "vault") from None

logger = logging.getLogger(__name__)

# A visit ends after this long, whatever Vault does; each attempt may take what is left of it.
DEADLINE_SECONDS = 15.0
CONNECT_SECONDS = 5.0
# To revoke the login's token, also when the deadline has passed.
CLOSING_SECONDS = 2.0
# A quota is used up, Vault is sealed or starting, a standby does not know a new token yet: all pass.
RETRIED = frozenset({412, 429, 502, 503, 504})
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0

MOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,7}")
ROLE_ID_VARIABLE = "ZEMANTA_OPS_VAULT_ROLE_ID"
SECRET_ID_VARIABLE = "ZEMANTA_OPS_VAULT_SECRET_ID"  # noqa: S105 (the name of a variable)
ROLE_VARIABLE = "ZEMANTA_OPS_VAULT_ROLE"
JWT_VARIABLE = "ZEMANTA_OPS_VAULT_JWT_TOKEN"
AUTH_MOUNT_VARIABLE = "ZEMANTA_OPS_VAULT_AUTH_MOUNT"

# A part of a message of Vault, and our error for it. Vault's own words are not repeated: they may quote the request.
_REASONS: list[tuple[str, type[SecretError], str]] = [
    ("invalid token", MissingKeyError, "the Vault token is not valid: it was revoked or has expired; log in again"),
    ("encryption key not found", MissingKeyError, "Vault has no key of that name: it was deleted or never created"),
    ("message authentication failed", WrongKeyError, "the vault token, its app or its name was changed"),
    (
        "too old",
        DecryptError,
        "the key version of this token is below Vault's min_decryption_version: encrypt the secret again",
    ),
    ("too new", WrongKeyError, "the key has no such version: the vault token was made with another key"),
    ("missing 'context'", SecretError, "the Vault key is derived: encrypt with derived = true"),
    (
        "exceeds allowed length",
        EncryptError,
        "the text is too long for Vault, which takes about 768 KiB: store it elsewhere",
    ),
    ("vault is sealed", UnreachableError, "Vault is sealed: unseal it and try again"),
    (
        "invalid role",
        MissingKeyError,
        "Vault refuses the login: the role or the secret id is not valid, or the secret id was used up",
    ),
]


_Outcome = tuple[int, dict[str, Any]] | SecretError


class VaultSession:
    """A client of Vault that raises our errors; use it through ``visit``."""

    def __init__(self) -> None:
        """Read ``VAULT_ADDR`` and ``VAULT_NAMESPACE``.

        Raises:
            MissingKeyError: ``VAULT_ADDR`` is not set.
        """
        address = os.environ.get("VAULT_ADDR", "")
        if not address:
            raise MissingKeyError("VAULT_ADDR is not set. Set it to the address of Vault, such as https://vault:8200")
        self._own = False
        self._deadline = time.monotonic() + DEADLINE_SECONDS
        self._client = hvac.Client(
            url=address,
            token="",
            namespace=os.environ.get("VAULT_NAMESPACE") or None,
            adapter=RawAdapter,
            session=requests.Session(),
        )

    def log_in(self) -> None:
        """Log in with the credentials in the environment; call ``close`` afterwards, whatever happens.

        Raises:
            SecretError: Vault refuses, or there are no credentials.
        """
        if role_id := os.environ.get(ROLE_ID_VARIABLE, ""):
            self._exchange("approle", {"role_id": role_id, "secret_id": _read_credential(SECRET_ID_VARIABLE)})
        elif role := os.environ.get(ROLE_VARIABLE, ""):
            self._exchange("jwt", {"role": role, "jwt": _read_credential(JWT_VARIABLE)})
        elif token := hvac.utils.get_token_from_env():
            self._use(token)
        else:
            raise MissingKeyError(
                f"no credentials for Vault: set VAULT_TOKEN, or {ROLE_ID_VARIABLE} (AppRole), or {ROLE_VARIABLE} (JWT)"
            )

    def close(self) -> None:
        """Revoke the token that the login created, and close the connection."""
        self._deadline = max(self._deadline, time.monotonic() + CLOSING_SECONDS)
        try:
            if self._own:
                self.post("auth/token/revoke-self", {})
        except SecretError:
            logger.warning("the Vault token of this login could not be revoked; it expires with its lease")
        finally:
            self._client.session.close()

    def post(self, path: str, body: dict[str, Any], otherwise: type[SecretError] = DecryptError) -> Any:
        """Send a POST and return the decoded answer; a refusal too, if it has a result for each item of a batch.

        Args:
            path: Path below ``/v1/``; every part of it must have been checked.
            body: The request's JSON.
            otherwise: Class of the error for a refusal that is not known.

        Raises:
            SecretError: Vault refuses or cannot be reached. Neither the error nor its context holds Vault's answer.
        """
        answer = self._send(path, body)
        if isinstance(answer, SecretError):
            raise answer
        status, decoded = answer
        if status < 300 or "batch_results" in (decoded.get("data") or {}):
            return decoded
        raise refusal(" ".join(map(str, decoded.get("errors") or ())), status, path, otherwise)

    def _send(self, path: str, body: dict[str, Any]) -> _Outcome:
        """Send until Vault neither throttles nor fails, or the deadline has passed; return the last outcome."""
        attempt = 0
        while True:
            outcome, asked = self._attempt(path, body)
            if asked is None:
                return outcome
            wait = max(asked, random.uniform(0.5, 1) * min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt))  # noqa: S311
            if time.monotonic() + wait >= self._deadline:
                return outcome
            if attempt == 0:
                logger.warning("Vault cannot answer now: trying again for up to %d s", DEADLINE_SECONDS)
            time.sleep(wait)
            attempt += 1

    def _attempt(self, path: str, body: dict[str, Any]) -> tuple[_Outcome, float | None]:
        """Return the outcome, and the least seconds to wait before another attempt: None if that cannot help."""
        # Errors are returned, not raised: an error raised here would have one of requests, with the request's body and
        # the response, as its context.
        left = max(self._deadline - time.monotonic(), 0.1)
        timeout = (min(CONNECT_SECONDS, left), left)
        try:
            response = self._client.adapter.request(
                "post", f"/v1/{path}", json=body, raise_exception=False, timeout=timeout
            )
        except (requests.ConnectionError, requests.Timeout) as error:
            return UnreachableError(f"Vault does not answer at VAULT_ADDR ({type(error).__name__})"), 0.0
        except (requests.RequestException, ValueError) as error:
            return UnreachableError(f"the server at VAULT_ADDR is not Vault ({type(error).__name__})"), None
        return _read(response)

    def _exchange(self, default_mount: str, credentials: dict[str, str]) -> None:
        mount = os.environ.get(AUTH_MOUNT_VARIABLE, "") or default_mount
        if not MOUNT.fullmatch(mount):
            raise MissingKeyError(f"{AUTH_MOUNT_VARIABLE} must be the path of an auth method, such as approle")
        answer = self.post(f"auth/{mount}/login", credentials, MissingKeyError)
        self._use(str((answer.get("auth") or {}).get("client_token", "")))
        self._own = True

    def _use(self, token: str) -> None:
        ledger.reveal(token)
        self._client.token = token


def _read(response: requests.Response) -> tuple[_Outcome, float | None]:
    status, asked = response.status_code, response.headers.get("Retry-After", "")
    try:
        decoded = response.json() if response.content else {}
    except ValueError as error:
        if status not in RETRIED:
            return UnreachableError(f"the server at VAULT_ADDR is not Vault ({type(error).__name__})"), None
        decoded = {}
    outcome = status, decoded if isinstance(decoded, dict) else {}
    # A batch has a result for each secret, whatever its status.
    if status not in RETRIED or "batch_results" in (outcome[1].get("data") or {}):
        return outcome, None
    return outcome, float(asked) if asked.isdecimal() else 0.0


@contextmanager
def visit() -> Iterator[VaultSession]:
    """Log in, and revoke the login's token at the end."""
    session = VaultSession()
    try:
        session.log_in()
        yield session
    finally:
        session.close()


def refusal(message: str, status: int, path: str = "", otherwise: type[SecretError] = DecryptError) -> SecretError:
    """Return the error for a message of Vault, which it does not repeat."""
    for words, kind, reason in _REASONS:
        if words in message.lower():
            return kind(reason)
    if status == 403:
        return DeniedError(f"Vault refuses: a policy of this token must grant update on {path}")
    if status == 404:
        return MissingKeyError(f"Vault has nothing at {path}: check the mount of the engine, and VAULT_NAMESPACE")
    if status == 429:
        return ThrottledError("Vault throttles this client: try again, or raise its quota")
    if status >= 500:
        return UnreachableError(f"Vault is unavailable (status {status})")
    return otherwise(f"Vault refuses {path or 'this token'} (status {status})")


def _read_credential(variable: str) -> str:
    credential = from_environment(variable).strip()
    if not credential:
        raise MissingKeyError(f"{variable} or {variable}_FILE is needed to log in to Vault")
    ledger.reveal(credential)
    return credential
