"""Which plaintexts of a ``.env`` file are secrets: by the words of their name, and by the shape of their value."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from zemanta_ops.secrets.files.credentials import find_credentials

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Of lists: PASSWORD_HASHERS.0
_INDEXES = re.compile(r"(?:\.\d+)+$")
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
    USER USERNAME HOST PORT SERVER VALIDATORS HASHER HASHERS LIFETIME DAYS HOURS SECONDS MINUTES SIZE VERSION ENDPOINT
    DOMAIN ALGORITHMS ISSUER AUDIENCE SCOPE SCOPES TYPE FORMAT POLICY REALM REGION BUCKET PROJECT PROVIDER ENGINE
    EXPIRATION EXPIRES ROTATION REQUIRED DISABLED ALLOWED FIELD LABEL ALIAS PATTERN ROUNDS ITERATIONS BITS
"""
_ABOUT = frozenset(_ABOUT_WORDS.split())
_PUBLIC = frozenset(("PUBLIC", "PUBLISHABLE"))
_PLACES = frozenset(("URL", "URLS", "URI"))
_SWITCH = re.compile(r"(?:true|false|yes|no|on|off|none|null|[01])", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,6}")
_SECRET_PARAM = re.compile(r"key|token|secret|pass|pwd|sig|auth|code", re.IGNORECASE)
_HOOK = re.compile(r"(?:web)?hooks?", re.IGNORECASE)
_LONG = re.compile(r"[A-Za-z0-9_-]{16,}")
_DRAWN = re.compile(r"[A-Za-z0-9+_=-]{20,}")
_DIGITS = re.compile(r"\d+")
# jdbc:postgresql://
_OUTER_SCHEME = re.compile(r"[a-z0-9+]+:(?=[a-z0-9+]+://)", re.IGNORECASE)
# Server=db;Password=..., password=... host=db, "password": "..." and Authorization headers.
_FIELDS = re.compile(
    r"""(?:[;\s]|^(?=[^;\s]*[;\s]))(?:pass(?:word|wd)?|pwd|(?:shared_?)?access_?key|client_?secret)\s*=\s*[^;\s$]
    | "[^"]*(?:passw|secret|token|private_?key|api_?key)[^"]*"\s*:\s*"[^"$]
    | ^(?:Basic|Bearer)\s+[^\s$]{8,}""",
    re.IGNORECASE | re.VERBOSE,
)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_-]{20,}")


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, as far as its name and its value show."""
    return has_secret_value(value) or _has_secret_name(name, value)


def _has_secret_name(name: str, value: str) -> bool:
    words = [word.upper() for word in _WORD.findall(_INDEXES.sub("", name))]
    last = words[-1] if words else ""
    if (
        last in _ABOUT
        or last.removesuffix("S") in _ABOUT
        or (last in _PLACES and "WEBHOOK" not in words)
        or _SWITCH.fullmatch(value)
    ):
        return False
    if last in ("PWD", "AUTH") and len(words) > 1:
        return True
    found = [word for word in words if word in _SECRET or _SECRET_ENDING.search(word)]
    if not _PUBLIC.isdisjoint(words) and not {"SECRET", "PRIVATE", "PASSWORD"} & set(words):
        return False
    return bool(found) and (last in found or not _NUMBER.fullmatch(value))


def has_secret_value(value: str) -> bool:
    """Whether a value is a credential by its shape: random, of a well-known service, in a URL, or a list of fields."""
    if any(_FIELDS.search(line) or any(True for _ in find_credentials(line)) for line in value.splitlines()):
        return True
    if _is_random(value):
        return True
    try:
        url = urlsplit(_OUTER_SCHEME.sub("", value, count=1))
        return bool(url.scheme and url.netloc) and _has_secret_part(url)
    except ValueError:
        return False


def _is_random(value: str) -> bool:
    """Whether a value, or a path of one part, was drawn at random from letters of both cases and digits."""
    text = value.strip("/")
    digits = len(_DIGITS.findall(text))
    return bool(_DRAWN.fullmatch(text)) and digits > 1 and text.lower() != text != text.upper()


def _has_secret_part(url: SplitResult) -> bool:
    secret = url.password or (url.username if url.scheme in ("http", "https") else "")
    if secret:
        # References to other variables are not secrets themselves.
        return not secret.startswith("$")
    pairs = parse_qsl(url.query)
    if url.scheme not in ("http", "https"):
        return any(_SECRET_PARAM.search(key) and text and not text.startswith("$") for key, text in pairs)
    segments = [*url.path.split("/"), *(text for _, text in pairs)]
    if any(_UUID.fullmatch(segment) or _RANDOM.fullmatch(segment) for segment in segments) or _is_hook(url):
        return True
    return any(_SECRET_PARAM.search(key) and len(text) > 7 for key, text in pairs)


def _is_hook(url: SplitResult) -> bool:
    """Whether whoever knows a URL may post to it: hooks.example.org/..., or .../hooks/ and a long random part."""
    segments = url.path.strip("/").split("/")
    if _HOOK.fullmatch((url.hostname or "").partition(".")[0]):
        return bool(segments[0])
    after = [segments[index + 1 :] for index, each in enumerate(segments) if _HOOK.fullmatch(each)]
    return any(_LONG.fullmatch(each) for each in (after[0] if after else ()))
