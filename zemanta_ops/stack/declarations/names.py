"""Names that follow from a declaration's own name, never from its position: measurements, uids, panel ids."""

from __future__ import annotations

import re
import zlib

MAX_UID = 40
# The measurement of deploys, which every dashboard shows.
DEPLOY = "zemanta_ops_deploy"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def to_measurement(name: str, prefix: str = "") -> str:
    """Return the measurement that the agent writes a metric to."""
    full = f"{prefix}.{name}" if prefix else name
    return full.replace(".", "_")


def to_slug(text: str) -> str:
    """Return a text of lower-case letters, digits and single dashes."""
    return _NOT_SLUG.sub("-", text.lower()).strip("-")


def to_number(*parts: str) -> int:
    """Return a number of 31 bits from names: the id of a panel."""
    return zlib.crc32("/".join(parts).encode()) & 0x7FFFFFFF


def to_uid(*parts: str) -> str:
    """Return an identifier of at most 40 characters; a longer one is cut, and a checksum keeps it apart."""
    uid = to_slug("-".join(("zo", *parts)))
    if len(uid) <= MAX_UID:
        return uid
    return f"{uid[: MAX_UID - 9].rstrip('-')}-{zlib.crc32(uid.encode()):08x}"
