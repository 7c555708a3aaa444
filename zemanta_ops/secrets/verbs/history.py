"""``secret_history NAME``: every version of one setting in git. Needs no key."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files import describe, git
from zemanta_ops.secrets.files.scan import literals, tokens
from zemanta_ops.secrets.files.source_file import decode, discover, read
from zemanta_ops.secrets.wire import Token
from zemanta_ops.terminal import render_table

HELP = "show every version of one setting in git: commit, date, author, backend and key id"
EPILOG = """examples:
  secret_history SECRET_KEY
  secret_history DATABASES.default.PASSWORD mysite/settings/production.py
  secret_history SECRET_KEY --json

exit codes: 0 versions were shown; 1 there are none, or there is no history to look at; 2 wrong arguments.
"""


@dataclass(frozen=True)
class Entry:
    """One version of a setting; ``change`` is added, changed, removed or plaintext."""

    commit: str
    date: str
    author: str
    change: str
    backend: str
    key: str
    app: str
    file: str


@dataclass(frozen=True)
class _Held:
    """What a setting held in one version of a file; no token: it stood there in plaintext."""

    value: str = field(repr=False)
    token: Token | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="dotted name of the setting, as audit_secrets shows it")
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: this folder)")
    parser.add_argument("--json", action="store_true", help="one JSON list, for scripts")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the versions, newest first."""
    try:
        files = _files(options.name, options.paths or [Path()])
        entries = [entry for file in files for entry in history(file, options.name)]
        shallow = bool(files) and git.is_shallow(files[0].parent)
    except git.GitError as error:
        err.write(f"No history: {error}.\n")
        return 1
    if not entries:
        err.write(f"{options.name}: no setting of this name holds or held a secret in these files.\n")
        return 1
    if options.json:
        out.write(json.dumps([asdict(entry) for entry in entries], indent=2) + "\n")
    else:
        out.write(render_table([column.name for column in fields(Entry)], [astuple(entry) for entry in entries]))
    if shallow:
        err.write("This is a shallow clone: older versions are missing (git fetch --unshallow gets them).\n")
    return 0


def history(file: Path, setting: str) -> list[Entry]:
    """Return the versions of a setting in one file, newest first; a commit that left it alone is passed over.

    Raises:
        GitError: There is no git, no repository, or no commit of this file.
    """
    versions = git.versions(file)
    top = git.top(file.parent)
    texts = git.contents(top, [f"{version.commit.hash}:{version.name}" for version in versions])
    entries: list[Entry] = []
    before: _Held | None = None
    for version, data in zip(reversed(versions), reversed(texts), strict=True):
        try:
            now = _held(version.name, data or b"", setting)
        except SecretError:
            # A version that does not parse says nothing about the setting.
            continue
        if now != before:
            entries.append(_entry(version, before, now))
        before = now
    # Text that never was a secret (DEBUG = "yes") is none of our business.
    return entries[::-1] if any(entry.backend for entry in entries) else []


def _files(setting: str, paths: Iterable[Path]) -> list[Path]:
    """List the files that hold the setting now, or else those whose history knows its last part."""
    files = discover(paths)
    holding = [file for file in files if _holds(file, setting)]
    if holding or not files:
        return holding
    known = git.changed_with(setting.rpartition(".")[2])
    return [file for file in files if file.resolve() in known]


def _holds(file: Path, setting: str) -> bool:
    try:
        return any(found.setting == setting for found in tokens(read(file)))
    except SecretError:
        return False


def _held(name: str, data: bytes, setting: str) -> _Held | None:
    file = decode(Path(name), data)
    for found in tokens(file):
        if found.setting == setting:
            return _Held(found.text, found.token)
    if setting.rpartition(".")[2] not in file.text:
        return None
    plain = (literal for literal in literals(file) if literal.setting == setting and literal.direct)
    return next((_Held(literal.value, None) for literal in plain), None)


def _entry(version: git.Version, before: _Held | None, now: _Held | None) -> Entry:
    token = now.token if now else None
    change = "removed" if now is None else "plaintext" if token is None else "added" if before is None else "changed"
    commit = version.commit
    date = f"{commit.date:%Y-%m-%d %H:%M}" if commit.date else ""
    about = (token.backend, describe.key_id(token), describe.app(token)) if token else ("", "", "")
    return Entry(commit.hash[:12], date, commit.author, change, *about, version.name)
