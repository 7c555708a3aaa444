"""What the second of two versions of a file exposes."""

from __future__ import annotations

from pathlib import Path

from zemanta_ops.secrets.files.exposure import Version, find_exposed
from zemanta_ops.secrets.files.source_file import decode

TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
OTHER = "kms:region=eu-west-1:T1RIRVJPVEhFUg=="


def exposed(name: str, old: str, new: str, *before: str) -> list[str]:
    """Return the settings that the second version exposes, with their lines."""
    versions = [Version(decode(Path(name), text.encode())) for text in (old, new, *before)]
    earlier = [each for version in versions[2:] for each in version.encrypted]
    found = find_exposed(versions[1], versions[0], versions[1].find_lost(versions[0]), earlier)
    return list(dict.fromkeys(f"{each.setting}:{each.value.line}" for each in found))
