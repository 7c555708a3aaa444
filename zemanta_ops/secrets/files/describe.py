"""What can be said of a token without a key; the same words in audit, history and rotation."""

from __future__ import annotations

from zemanta_ops.secrets.wire import Token

# Params that name the key, by backend; the first that is there counts.
_KEY_PARAMS = ("key", "kid")
_UNAUTHENTICATED = frozenset({"local", "password"})


def key_id(token: Token) -> str:
    """Return the key's id (or ARN, or Vault key and version); empty where the token does not tell."""
    named = next((token.params[name] for name in _KEY_PARAMS if name in token.params), "")
    if token.backend == "vault":
        version = token.ciphertext.split(":", 2)[1:2]
        return ":".join([named, *version])
    return named


def app(token: Token) -> str:
    """Return the application that the token is bound to; empty for none."""
    return token.params.get("app", "")


def bound_name(token: Token) -> str:
    """Return the setting that the token is bound to; empty for none."""
    return token.params.get("name", "")


def is_legacy(token: Token) -> bool:
    """Tell whether it is a SecretCrypt 1.x token without authentication, which whoever edits the file can alter."""
    return token.backend in _UNAUTHENTICATED and "v" not in token.params
