"""The journal of a rotation: the new token for each old one, on disk before any file changes. No plaintexts."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zemanta_ops import atomic
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.file_replacement import append_to_file

FILE_NAME = ".zemanta_ops-rotation"


class Journal:
    """Maps old tokens to new ones; old tokens are kept as HMACs, because a ``plain:`` token is a plaintext.

    Attributes:
        path: The file.
        options: The order of the rotation, so that ``--resume`` needs no other argument.
        new: The new tokens, by the :meth:`key` of the old ones.
        recipes: How the tokens of each file are made.
    """

    def __init__(self, path: Path, nonce: bytes, options: Mapping[str, Any]) -> None:
        """Called by :func:`start` and :func:`resume`."""
        self.path = path
        self.options = options
        self.new: dict[str, str] = {}
        self.recipes: dict[str, Mapping[str, Any]] = {}
        self._nonce = nonce

    def key(self, token: str, context: Mapping[str, str], recipe: str) -> str:
        """Return the key of an old token whose new token is bound to ``context`` and made by a recipe."""
        message = json.dumps([token, sorted(context.items()), recipe]).encode()
        return hmac.digest(self._nonce, message, hashlib.sha256).hex()

    def add_recipes(self, recipes: Mapping[str, Mapping[str, Any]]) -> None:
        """Append how the tokens of files are made, by file, and wait until that is on disk.

        Raises:
            SourceError: It could not be written.
        """
        append_to_file(self.path, b"".join(_line({"file": name, "recipe": recipes[name]}) for name in recipes))
        self.recipes.update(recipes)

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Append new tokens by key, and wait until they are on disk.

        Raises:
            SourceError: They could not be written.
        """
        pairs = list(pairs)
        append_to_file(self.path, b"".join(_line({"old": key, "new": token}) for key, token in pairs))
        self.new.update(pairs)

    def end(self) -> None:
        """Remove the journal."""
        self.path.unlink(missing_ok=True)


def start(folder: Path, options: Mapping[str, Any]) -> Journal:
    """Create a journal.

    Raises:
        SourceError: There is one already, of a rotation that was interrupted or is still running.
    """
    path = folder / FILE_NAME
    nonce = secrets.token_bytes(32)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise SourceError(
            f"{path} already exists: a rotation was interrupted or is still running. "
            "Continue with --resume, or discard it with --abandon"
        ) from None
    except OSError as error:
        raise SourceError(f"{path} could not be written: {error.strerror}") from None
    append_to_file(path, _line({"journal": 1, "nonce": nonce.hex(), "options": dict(options)}))
    return Journal(path, nonce, options)


def resume(folder: Path) -> Journal:
    """Read the journal of an interrupted rotation; drop a last line that is incomplete.

    Raises:
        SourceError: There is none, it is empty, or it is not a journal.
    """
    path = folder / FILE_NAME
    data = _read(path)
    whole = data[: data.rfind(b"\n") + 1]
    if not whole:
        raise SourceError(f"{path} is empty, because nothing was done yet: remove it with --abandon and start again")
    try:
        head, *lines = [json.loads(line) for line in whole.splitlines()]
        journal = Journal(path, bytes.fromhex(head["nonce"]), head["options"])
        journal.recipes = {line["file"]: line["recipe"] for line in lines if "recipe" in line}
        journal.new = {line["old"]: line["new"] for line in lines if "recipe" not in line}
    except (ValueError, TypeError, KeyError):
        raise not_a_journal(path) from None
    if whole != data:
        os.truncate(path, len(whole))
    return journal


def _read(path: Path) -> bytes:
    _refuse_special(path)
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"there is nothing to resume here: {path} does not exist") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _refuse_special(path: Path) -> None:
    """Refuse what no rotation has made, which must be neither cut nor removed."""
    try:
        atomic.find_target(path)
        special = path.is_symlink()
    except OSError:
        special = True
    if special:
        raise SourceError(f"{path} is not a regular file, so it is not the journal of a rotation: remove it yourself")


def not_a_journal(path: Path) -> SourceError:
    """Return the error for a file that is not a journal."""
    return SourceError(f"{path} is not the journal of a rotation: remove it with --abandon and start again")


def abandon(folder: Path) -> bool:
    """Remove the journal; return whether there was one.

    Raises:
        SourceError: What is there is not a regular file.
    """
    path = folder / FILE_NAME
    _refuse_special(path)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
