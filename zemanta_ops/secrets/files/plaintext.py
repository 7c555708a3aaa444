"""Which values of a settings file can be read by whoever reads the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.files.formats import FIELD, Literal

# A comment with this on the line of a value, or on the line above, allows the value.
ALLOW = "zemanta-ops: allow-plaintext"

# Values that name another place, or that another tool has encrypted.
_ELSEWHERE = re.compile(
    r"""\$\{\w+(?::?\?[^}]*)?\} | \$[A-Z_][A-Z0-9_]* | \{\{[^{}"']*\}\} | %\(\w+\)[sr] | <[^<>]*>
    | op://.* | arn:aws[\w-]*:(?:secretsmanager|ssm):.* | ref\+\S+ | ENC\[AES256_GCM,.*\] | \$ANSIBLE_VAULT;.*""",
    re.VERBOSE | re.DOTALL,
)
_YAML_TAG = re.compile(r"!\S*\s+(?:[|>][+-]?\d*\s+)?")
_NO_VALUE = re.compile(r"~|null|true|false|none|", re.IGNORECASE)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@:\s]*(?P<password>:[^/@\s]*)?@)?(?P<rest>.*)", re.DOTALL)
# Shorter texts are anywhere in a file.
_DISTINCT = 6
# An old value may be a word that many lines have.
_SHOWN = 10
# Numbers in calls are lengths and ports; a longer one may be a secret.
_SHORT_NUMBER = re.compile(r"-?[\d.]{1,3}")


def is_token(value: Literal) -> bool:
    """Whether a value is an encrypted token; a ``plain:`` token is not encrypted."""
    return not value.refers and (value.string or not value.placed) and backends.is_token(value.value, plain=False)


def is_readable(value: Literal) -> bool:
    """Whether a part of a setting's value can be read in the file."""
    text = value.value.strip()
    if value.refers or not value.readable or is_token(value):
        return False
    if FIELD in text:
        return _is_readable_template(text)
    if not value.string and value.placed:
        text = _YAML_TAG.sub("", text, count=1).strip() if text.startswith("!") else text
        if _NO_VALUE.fullmatch(text) or (not value.direct and _SHORT_NUMBER.fullmatch(text)):
            return False
    return any(map(str.isalnum, text)) and not _ELSEWHERE.fullmatch(text)


def _is_readable_template(text: str) -> bool:
    """Whether a text with fields holds more than the frame of a URL."""
    url = _URL.fullmatch(text)
    if url is None:
        return any(map(str.isalnum, text))
    password = url["password"]
    return any(map(str.isalnum, password)) if password else FIELD not in text.partition("@")[0]


def is_allowed(lines: Sequence[str], number: int) -> bool:
    """Whether a comment allows a plaintext in a line, counted from 1."""
    here = lines[number - 1] if 0 < number <= len(lines) else ""
    above = lines[number - 2].strip() if 1 < number <= len(lines) + 1 else ""
    return ALLOW in here or (ALLOW in above and above.startswith(("#", "//", "/*", "<!--", ";", "--")))


def find_copies(text: str, plaintexts: Iterable[str]) -> list[int]:
    """Return the lines that have one of the plaintexts, in a comment or in another setting, for instance."""
    wanted = [each for each in map(str.strip, plaintexts) if len(each) >= _DISTINCT]
    return [number for number, line in enumerate(text.splitlines(), 1) if any(each in line for each in wanted)]


def describe_copies(path: object, lines: Sequence[int], what: str) -> list[str]:
    """Return a message for each line that ``find_copies`` found; after the first ones, one for all others."""
    shown = [f"{path}:{line}: {what} is readable here too" for line in lines[:_SHOWN]]
    more = len(lines) - len(shown)
    return [*shown, f"{path}: {what} is readable in {more} more line{'s' if more > 1 else ''}"] if more else shown
