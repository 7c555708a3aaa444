"""Which plaintexts of a ``.env`` file are secrets: by the words of their name, and by the shape of their value."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from zemanta_ops.secrets.files.credentials import find_credentials

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS = """
    KEY KEYS TOKEN TOKENS SECRET SECRETS PASS PASSWD PASSWORD PASSWORDS PASSPHRASE PASSCODE PW CREDENTIAL CREDENTIALS
    CREDS SALT PEPPER SIGNATURE DSN WEBHOOK PIN HMAC
"""
_SECRET = frozenset(_WORDS.split())
_SECRET_ENDING = re.compile(
    r"(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|(?:API|SECRET|ACCESS|PRIVATE|AUTH|SIGNING|MASTER)_?KEYS?"
    r"|(?:DB|PG|SMTP|MAIL|EMAIL|MYSQL|REDIS|FTP|USER|ADMIN)(?:PASS|PWD|PW))$"
)
# After one of these, a name means something about the secret.
_ABOUT_WORDS = """
    PATH FILE DIR NAME PREFIX SUFFIX TIMEOUT AGE LENGTH MODEL HEADER ALGORITHM BACKEND CLASS ENABLED COUNT TTL EXPIRY
    USER USERNAME HOST PORT SERVER VALIDATORS HASHERS LIFETIME DAYS SECONDS MINUTES SIZE VERSION ENDPOINT DOMAIN
"""
_ABOUT = frozenset(_ABOUT_WORDS.split())
_PLACES = frozenset(("URL", "URLS", "URI"))
_TRIVIAL = re.compile(r"(?:true|false|yes|no|on|off|none|null|\d{1,6})", re.IGNORECASE)
_SECRET_PARAM = re.compile(r"key|token|secret|pass|pwd|sig|auth|code", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}")


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, as far as its name and its value show."""
    return has_secret_value(value) or _has_secret_name(name, value)


def _has_secret_name(name: str, value: str) -> bool:
    words = [word.upper() for word in _WORD.findall(name)]
    last = words[-1] if words else ""
    if last in _ABOUT or (last in _PLACES and "WEBHOOK" not in words):
        return False
    if last in ("PWD", "AUTH") and len(words) > 1:
        return True
    found = [word for word in words if word in _SECRET or _SECRET_ENDING.search(word)]
    return bool(found) and (last in found or not _TRIVIAL.fullmatch(value))


def has_secret_value(value: str) -> bool:
    """Whether a value is a credential by its shape: of a well-known service, or in a URL."""
    if any(True for line in value.splitlines() for _ in find_credentials(line)):
        return True
    try:
        url = urlsplit(value)
        user, password = url.username, url.password
    except ValueError:
        return False
    if not url.scheme or not url.netloc:
        return False
    if password or (user and url.scheme in ("http", "https")):
        # References to other variables are not secrets themselves.
        return not (password or user or "").startswith("$")
    if url.scheme not in ("http", "https"):
        return any(_SECRET_PARAM.search(key) and text for key, text in parse_qsl(url.query))
    segments = [*url.path.split("/"), *(text for _, text in parse_qsl(url.query))]
    if any(_UUID.fullmatch(segment) or _RANDOM.fullmatch(segment) for segment in segments):
        return True
    return any(_SECRET_PARAM.search(key) and len(text) > 7 for key, text in parse_qsl(url.query))
