"""Read-only queries to git, with all hooks, pagers, filters and fetches that a repository can configure turned off."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

# What a repository may run, and what a person has configured for reading: it would hide commits or names from us.
_SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.quotePath": "false",
    "log.showSignature": "false",
    "log.showRoot": "true",
    "log.follow": "false",
    "log.diffMerges": "separate",
    "diff.relative": "false",
    "diff.renameLimit": "0",
}
_QUIET = ("--no-pager", *(word for key, value in _SETTINGS.items() for word in ("-c", f"{key}={value}")))
# Goes before a subcommand whose paths may contain * and the like.
LITERAL = "--literal-pathspecs"
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_NO_FETCH = "GIT_NO_LAZY_FETCH"
# Neither git nor anything that a repository makes it run needs keys, passwords and plaintexts.
_WITHHELD = re.compile(r"ZEMANTA_OPS_|VAULT_TOKEN$|AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN)$")
_may_fetch: ContextVar[bool] = ContextVar("may_fetch", default=False)
_UNCOMMITTED = "0" * 40
_HEADER = re.compile(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?$")
_OBJECT = re.compile(rb"[0-9a-f]{40,64} (\w+) (\d+)")


class GitError(Exception):
    """Git is not installed, the folder is not a repository, or the file is not in it; the message says which."""


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        hash: Full object name; empty for a change that is not committed.
        author: Name of the author.
        date: Author date, in UTC.
        boundary: Whether a shallow clone ends here, so that the actual change may be older.
    """

    hash: str
    author: str
    date: datetime | None
    boundary: bool = False


def run(folder: Path, *arguments: str, data: bytes = b"", codes: Collection[int] = (0,)) -> bytes:
    """Run git in ``folder`` with ``data`` as its input and return its output; ``codes`` are those of success.

    Raises:
        GitError: Git is not installed, or it failed; the message is git's own first line.
    """
    try:
        ended = subprocess.run(  # noqa: S603
            ["git", *_QUIET, *arguments],  # noqa: S607
            cwd=folder,
            env=_environment(),
            input=data,
            capture_output=True,
            check=False,
        )
    except OSError:
        raise GitError("git is not installed, or not in PATH") from None
    if ended.returncode not in codes:
        raise GitError(_explain(ended.stderr.decode(errors="replace")))
    return ended.stdout


def _explain(text: str) -> str:
    if "lazy fetching disabled" in text:
        return "this is a partial clone, without all versions. Run: git fetch --refetch --no-filter"
    reason = text.strip().splitlines() or ["git failed"]
    return reason[0].removeprefix("fatal: ")


@contextmanager
def fetching() -> Iterator[None]:
    """In the block, let git fetch what a partial clone has left at its remote, with the remote's own programs.

    For a hook, which the person's own git runs in the person's own repository.
    """
    token = _may_fetch.set(True)
    try:
        yield
    finally:
        _may_fetch.reset(token)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _WITHHELD.match(name)}
    return kept | _ENVIRONMENT | ({} if _may_fetch.get() else {_NO_FETCH: "1"})


def list_tracked(folder: Path) -> list[Path]:
    """Return the files below ``folder`` that git tracks or would add."""
    names = run(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode(errors="surrogateescape")
    return [folder / name for name in dict.fromkeys(names.split("\0")) if name]


def find_top(folder: Path) -> Path:
    """Return the top folder of the repository."""
    return Path(os.fsdecode(run(folder, "rev-parse", "--show-toplevel")).rstrip("\n"))


def is_in_history(top: Path, name: str) -> bool:
    """Whether any commit changed a file or folder, named relative to the top."""
    return bool(run(top, LITERAL, "log", "-1", "--format=%H", "--full-history", "--", name))


def list_staged(folder: Path) -> list[tuple[str, str]]:
    """Return (old name, new name) of each file that the next commit changes, relative to the top; "" for none."""
    against = "HEAD" if _has_commits(folder) else run(folder, "hash-object", "-t", "tree", "--stdin").decode().strip()
    output = run(folder, "diff", "--cached", "--no-ext-diff", "--no-textconv", "-M", "--name-status", "-z", against)
    fields = iter(os.fsdecode(output).split("\0")[:-1])
    found = []
    for status in fields:
        name = next(fields)
        new = next(fields) if status[0] in "RC" else name
        found.append(("" if status[0] == "A" else name, "" if status[0] == "D" else new))
    return found


def _has_commits(folder: Path) -> bool:
    try:
        return bool(run(folder, "rev-parse", "--verify", "--quiet", "HEAD"))
    except GitError:
        return False


def is_shallow(folder: Path) -> bool:
    """Whether the repository was cloned without its whole history."""
    return run(folder, "rev-parse", "--is-shallow-repository").strip() == b"true"


def blame(file: Path) -> dict[int, Commit]:
    """Return the last change of each line of a file, by line number from 1."""
    output = run(file.parent, "blame", "--no-textconv", "--no-ignore-revs-file", "--porcelain", "--", file.name)
    commits: dict[str, dict[str, str]] = {}
    lines: dict[int, str] = {}
    current = ""
    # Git puts a tab before each line of the file itself, so nothing in the file can look like a header.
    for line in output.decode(errors="replace").split("\n"):
        if header := _HEADER.match(line):
            current = header[1]
            lines[int(header[2])] = current
            commits.setdefault(current, {})
        elif current and not line.startswith("\t"):
            key, _, value = line.partition(" ")
            commits[current].setdefault(key, value)
    # Git marks the first commit of a complete history as a boundary too.
    shallow = is_shallow(file.parent)
    known = {name: _commit(name, fields, shallow) for name, fields in commits.items()}
    return {number: known[name] for number, name in lines.items()}


def _commit(name: str, fields: dict[str, str], shallow: bool) -> Commit:
    if name.startswith(_UNCOMMITTED):
        return Commit("", "not committed", None)
    date = datetime.fromtimestamp(int(fields["author-time"]), timezone.utc)
    return Commit(name, fields["author"], date, boundary=shallow and "boundary" in fields)


@dataclass(frozen=True)
class Version:
    """A file in one commit; ``name`` is its name at that time, relative to the repository's top."""

    commit: Commit
    name: str


def list_versions(file: Path) -> list[Version]:
    """Return the commits that changed a file, newest first, across renames."""
    fields = ("%H", "%an", "%at")
    # The folder may be gone too.
    folder = next(folder for folder in file.absolute().parents if folder.is_dir())
    log = run(
        folder,
        LITERAL,
        "log",
        "--follow",
        "--no-ext-diff",
        "--no-textconv",
        "--name-only",
        "-z",
        "--format=%x01" + "%x02".join(fields),
        "--",
        str(file.absolute().relative_to(folder)),
    )
    records = map(_read_version, log.decode(errors="surrogateescape").split("\x01")[1:])
    return [version for version in records if version.name]


def _read_version(record: str) -> Version:
    header, _, names = record.partition("\0")
    commit, author, seconds = header.split("\x02")
    date = datetime.fromtimestamp(int(seconds), timezone.utc)
    name = next((part.strip("\n") for part in names.split("\0") if part.strip("\n")), "")
    return Version(Commit(commit, author, date), name)


def read_objects(folder: Path, objects: Sequence[str]) -> list[bytes | None]:
    """Return the bytes of each object (``commit:path``, or ``:path`` for the index); None if there is none."""
    names = [_find_id(folder, name) if "\n" in name else name for name in objects]
    output = run(folder, "cat-file", "--batch", data=os.fsencode("".join(f"{name}\n" for name in names)))
    found: list[bytes | None] = []
    at = 0
    for _ in objects:
        end = output.index(b"\n", at)
        header = _OBJECT.fullmatch(output, at, end)
        at = end + 1
        if header:
            stop = at + int(header[2])
            # Anything but a blob is a folder or a commit.
            found.append(output[at:stop] if header[1] == b"blob" else None)
            at = stop + 1
        else:
            found.append(None)
    return found


def _find_id(folder: Path, name: str) -> str:
    """Return the object name of what has a line break in its name, which git would read as the end of the name."""
    found = run(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", name, codes=(0, 1)).decode().strip()
    return found or "no such object"
