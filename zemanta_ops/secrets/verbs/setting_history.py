"""The versions of one setting in git: what each commit changed, against each of its parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import wire
from zemanta_ops.secrets.exceptions import MissingExtraError, SecretError, SourceError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.formats import Literal, format_of, kind_of
from zemanta_ops.secrets.files.plaintext import is_readable
from zemanta_ops.secrets.files.scan import is_token
from zemanta_ops.secrets.files.source_file import SourceFile, decode
from zemanta_ops.secrets.files.versions import CommitChanges, FileChange, find_names, list_changes, read_contents

# From this many versions on, progress is shown.
_MANY = 500


@dataclass(frozen=True)
class SettingVersion:
    """One version of a setting; ``change`` is "added", "changed", "removed" or "plaintext"."""

    commit: str
    date: str
    author: str
    change: str
    backend: str
    key: str
    app: str
    file: str


@dataclass(frozen=True)
class SettingHistory:
    """The versions, newest first.

    Attributes:
        versions: One for each change.
        unreadable: Messages about files that nothing could be read of.
        notes: Other messages.
    """

    versions: Sequence[SettingVersion]
    unreadable: Sequence[str]
    notes: Sequence[str]


@dataclass(frozen=True)
class _Value:
    """The value of a setting in one version of a file; ``token`` is None if it is a plaintext."""

    text: str = field(repr=False)
    token: wire.Token | None


def read_history(setting: str, paths: Iterable[Path], err: TextIO) -> SettingHistory:
    """Read every version of a setting in the files below ``paths``, and in files of other names that they were.

    Raises:
        GitError: There is no git, no repository or no commit.
        SourceError: A path is neither in the folder nor in the history.
    """
    top = git.find_top(Path())
    reader = _Reader(top, setting)
    names = {name for name in find_names(top, reader.word) if _may_be_settings(name)}
    commits = list_changes(top, names)
    started = _choose(top, paths, names)
    reader.read(commits, err)
    found = [each for commit in commits for each in reader.compare(commit)]
    wanted = reader.follow(started)
    versions = [version for version in found if version.file in wanted]
    # A text that was never a secret (DEBUG = "yes") has no history here.
    shown = versions[::-1] if any(version.backend for version in versions) else []
    return SettingHistory(shown, *reader.describe_failures(wanted))


def _may_be_settings(name: str) -> bool:
    return bool(format_of(name)) or not Path(name).suffix


def _choose(top: Path, paths: Iterable[Path], names: set[str]) -> set[str]:
    """Return the names that are or were one of ``paths``, or below one."""
    found: set[str] = set()
    for path in paths:
        full = path.resolve()
        inside = full.relative_to(top).as_posix() if full.is_relative_to(top) else None
        below = {name for name in names if inside in (".", name) or name.startswith(f"{inside}/")}
        if not below and (inside is None or not (path.exists() or git.is_in_history(top, inside))):
            raise SourceError(f"{path} does not exist, and is not in the history of the repository {top}")
        found |= below
    return found


class _Reader:
    """The values of one setting in many versions of files."""

    def __init__(self, top: Path, setting: str) -> None:
        self.top = top
        self.setting = setting
        parts = [part for part in setting.split(".") if not part.isdigit()]
        # A version without this word does not have the setting.
        self.word = parts[-1] if parts else setting
        self._values: dict[str, _Value | None] = {"": None}
        self._by_excerpt: dict[tuple[str, str], _Value | None] = {}
        self._failed: dict[str, str] = {}
        self._links: list[tuple[str, str]] = []
        self._skipped: dict[str, tuple[str, bool]] = {}

    def read(self, commits: Sequence[CommitChanges], err: TextIO) -> None:
        """Read the setting in every version."""
        changes = [change for commit in commits for against in commit.changes for change in against]
        names = {change.new_blob: change.new for change in changes} | {
            change.old_blob: change.old for change in changes
        }
        blobs = [blob for blob in names if blob]
        for count, (blob, data) in enumerate(read_contents(self.top, blobs), 1):
            try:
                self._values[blob] = self._read_value(names[blob], data)
            except SecretError as error:
                self._failed[blob] = str(error)
                self._skipped[blob] = (names[blob], isinstance(error, MissingExtraError))
            _show_progress(count, len(blobs), err)
        for change in changes:
            if change.new_blob in self._failed and change.new_blob not in self._values:
                # What cannot be read shows nothing about the setting.
                self._values[change.new_blob] = self._values.get(change.old_blob)

    def compare(self, commit: CommitChanges) -> Iterator[SettingVersion]:
        """Yield what a commit changed: a merge, only what differs from all its parents."""
        changed = []
        for against in commit.changes:
            now = self._values.get(against[0].new_blob)
            before = [self._values.get(change.old_blob) for change in against]
            self._links += [(change.old, change.new) for change in against if change.old and change.new]
            if now not in before:
                changed.append((against[0], before[0], now))
        moved = self._pair_moves(changed)
        for change, old, new in changed:
            if change not in moved:
                yield _make_version(commit.commit, change, old, new)

    def _pair_moves(self, changed: Sequence[tuple[FileChange, _Value | None, _Value | None]]) -> list[FileChange]:
        """Return the changes that only move the setting from one file to another."""
        gone = [(change, old) for change, old, new in changed if new is None]
        moved: list[FileChange] = []
        for change, old, new in changed:
            origin = next((other for other, value in gone if old is None and value == new and other not in moved), None)
            if origin:
                moved += [origin, change]
                self._links.append((origin.old, change.new))
        return moved

    def follow(self, names: set[str]) -> set[str]:
        """Return the names, and those that the same files had at other times."""
        found = set(names)
        while more := {name for pair in self._links if found & set(pair) for name in pair} - found:
            found |= more
        return found

    def describe_failures(self, names: set[str]) -> tuple[list[str], list[str]]:
        """Return messages about files that a parser is missing for, and about versions that are not valid."""
        failed = {blob: (name, missing) for blob, (name, missing) in self._skipped.items() if name in names}
        missing = {f"{name}: {self._failed[blob]}" for blob, (name, missing) in failed.items() if missing}
        invalid = Counter(sorted(name for name, missing in failed.values() if not missing))
        return sorted(missing), [f"{name}: {_count(number)} not valid and left out" for name, number in invalid.items()]

    def _read_value(self, name: str, data: bytes) -> _Value | None:
        if kind_of(name, data) is None:
            return None
        file = decode(Path(name), data)
        if self.word not in file.text:
            return None
        part = file.excerpt(self.word)
        # Most versions of a file differ in other settings.
        if (file.kind, part.text) not in self._by_excerpt:
            try:
                value = self._find_value(part)
            except SourceError:
                value = self._find_value(file)
            self._by_excerpt[file.kind, part.text] = value
        return self._by_excerpt[file.kind, part.text]

    def _find_value(self, file: SourceFile) -> _Value | None:
        found = [value for value in file.values if self._is_wanted(value)]
        tokens = [token for value in found if (token := _read_token(file, value))]
        if tokens:
            return tokens[0]
        readable = [value.value for value in found if is_readable(value)]
        return _Value("\0".join(readable), None) if readable else None

    def _is_wanted(self, value: Literal) -> bool:
        names = (value.setting, ".".join(value.path[value.scope :]), value.stated)
        return self.setting in names


def _read_token(file: SourceFile, value: Literal) -> _Value | None:
    text = value.value.strip()
    if value.refers or not text or not is_token(file, value):
        return None
    try:
        return _Value(text, wire.parse(text))
    except SecretError:
        return None


def _make_version(commit: git.Commit, change: FileChange, before: _Value | None, now: _Value | None) -> SettingVersion:
    token = now.token if now else None
    what = "removed" if now is None else "plaintext" if token is None else "added" if before is None else "changed"
    date = f"{commit.date:%Y-%m-%d %H:%M}" if commit.date else ""
    about = (token.backend, token.key_id, token.app) if token else ("", "", "")
    return SettingVersion(commit.hash[:12], date, commit.author, what, *about, change.new or change.old)


def _count(number: int) -> str:
    return f"{number} versions are" if number > 1 else "1 version is"


def _show_progress(count: int, total: int, stream: TextIO) -> None:
    """Count the versions: in one line on a terminal, elsewhere a line for every tenth."""
    if total < _MANY:
        return
    if stream.isatty():
        stream.write(f"\rread {count}/{total} versions" + ("\n" if count == total else ""))
    elif count % (total // 10) == 0:
        stream.write(f"read {count}/{total} versions\n")
    stream.flush()
