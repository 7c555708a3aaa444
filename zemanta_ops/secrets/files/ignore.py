"""Keep a new file with a private key out of git: add it to ``.gitignore``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from zemanta_ops import atomic
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.git import LITERAL, GitError, run

_FILE_NAME = ".gitignore"
_SPECIAL = re.compile(r"([\\*?\[\]!# ])")


def keep_out_of_git(path: Path) -> list[str]:
    """Make git ignore a file that does not exist yet; return what was done, for a person.

    Raises:
        SourceError: Git would still commit the file, or it cannot be known.
    """
    full = path.parent.resolve() / path.name
    if path.exists() or not full.parent.is_dir() or not _is_in_repository(full.parent):
        return []
    try:
        if _is_ignored(full):
            return []
        _add_line(full)
        if _is_ignored(full):
            return [f"added to {path.parent / _FILE_NAME}: /{path.name}"]
    except (GitError, OSError) as error:
        raise SourceError(
            f"{path} is in a git repository, and git may commit it ({error}): choose a file outside"
        ) from None
    raise SourceError(f"{path} is in a git repository that does not ignore it: add it to .gitignore, or choose another")


def _is_in_repository(folder: Path) -> bool:
    return any((above / ".git").exists() for above in (folder, *folder.parents))


def _is_ignored(path: Path) -> bool:
    """Whether git leaves the file out; a file of the index is never left out."""
    if run(path.parent, LITERAL, "ls-files", "-z", "--", path.name):
        return False
    arguments = ("check-ignore", "--verbose", "--non-matching", "--no-index", "-z", "--stdin")
    output = run(path.parent, *arguments, data=os.fsencode(f"./{path.name}") + b"\0", codes=(0, 1))
    source, _, pattern, *_ = output.split(b"\0")
    return bool(source) and not pattern.startswith(b"!")


def _add_line(path: Path) -> None:
    file = path.parent / _FILE_NAME
    if file.is_symlink():
        raise GitError("git does not read a .gitignore that is a link")
    atomic.find_target(file)
    before = file.read_bytes() if file.exists() else b""
    end = b"" if not before or before.endswith(b"\n") else b"\n"
    name = _SPECIAL.sub(r"\\\1", path.name)
    with file.open("ab") as opened:
        opened.write(end + os.fsencode(f"/{name}\n"))
