"""The journal of a rotation: which new token goes where, on the disk before any file changes. Ciphertexts only."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.replace import append_to_file

FILE_NAME = ".zemanta_ops-rotation"


class Journal:
    """Maps old tokens to new ones; the old ones are kept as an HMAC, since a ``plain:`` token is a plaintext.

    Attributes:
        options: What the rotation was asked for, so that ``--resume`` needs no other argument.
        new: The new tokens, by what :meth:`key` returns for the old ones.
    """

    def __init__(self, path: Path, nonce: bytes, options: Mapping[str, Any], new: dict[str, str]) -> None:
        """Hold what :func:`start` or :func:`resume` read or wrote."""
        self.path = path
        self.options = options
        self.new = new
        self._nonce = nonce

    def key(self, token: str, context: Mapping[str, str]) -> str:
        """Name an old token that becomes a new one bound to ``context``."""
        message = json.dumps([token, sorted(context.items())]).encode()
        return hmac.digest(self._nonce, message, hashlib.sha256).hex()

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Write new tokens by key, and wait until they are on the disk.

        Raises:
            SourceError: They could not be written.
        """
        pairs = list(pairs)
        append_to_file(self.path, b"".join(_line({"old": key, "new": token}) for key, token in pairs))
        self.new.update(pairs)

    def end(self) -> None:
        """Remove the journal: every file is written."""
        self.path.unlink(missing_ok=True)


def start(folder: Path, options: Mapping[str, Any]) -> Journal:
    """Begin a journal.

    Raises:
        SourceError: There is one already, of a rotation that was broken off or is under way.
    """
    path = folder / FILE_NAME
    nonce = secrets.token_bytes(32)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise SourceError(
            f"{path} is there: a rotation was broken off, or runs now: --resume goes on, --abandon gives it up"
        ) from None
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}") from None
    append_to_file(path, _line({"journal": 1, "nonce": nonce.hex(), "options": dict(options)}))
    return Journal(path, nonce, options, {})


def resume(folder: Path) -> Journal:
    """Read the journal of a rotation that was broken off; a last line that was cut short is dropped.

    Raises:
        SourceError: There is none, or it was broken off before it held anything.
    """
    path = folder / FILE_NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"there is nothing to resume here: {path} does not exist") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    whole = data[: data.rfind(b"\n") + 1]
    if not whole:
        raise SourceError(f"{path} is empty: nothing had been done yet; remove it with --abandon and start again")
    if whole != data:
        os.truncate(path, len(whole))
    try:
        head, *lines = [json.loads(line) for line in whole.splitlines()]
        new = {line["old"]: line["new"] for line in lines}
        return Journal(path, bytes.fromhex(head["nonce"]), head["options"], new)
    except (ValueError, TypeError, KeyError):
        raise not_ours(path) from None


def not_ours(path: Path) -> SourceError:
    """Make the error for a file that is no journal."""
    return SourceError(f"{path} is not the journal of a rotation: remove it with --abandon and start again")


def abandon(folder: Path) -> bool:
    """Remove the journal; return whether there was one."""
    path = folder / FILE_NAME
    there = path.exists()
    path.unlink(missing_ok=True)
    return there


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
