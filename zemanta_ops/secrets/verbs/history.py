"""``secret_history NAME``: shows every version of one setting in git. Needs no key."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import decode, discover, read
from zemanta_ops.secrets.wire import Token
from zemanta_ops.terminal import render_table

HELP = "show every version of one setting in git: commit, date, author, backend and key id"
EPILOG = """examples:
  secret_history SECRET_KEY
  secret_history DATABASES.default.PASSWORD mysite/settings/production.py
  secret_history SECRET_KEY --json

exit codes: 0 versions were shown; 1 there are none, or there is no git history; 2 wrong arguments.
"""


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
class _Value:
    """The value of a setting in one version of a file; ``token`` is None if it was a plaintext."""

    value: str = field(repr=False)
    token: Token | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="dotted name of the setting, as in audit_secrets")
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: this folder)")
    parser.add_argument("--json", action="store_true", help="print one JSON list, for scripts")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the versions, newest first."""
    try:
        files = _find_files(options.name, options.paths or [Path()])
        entries = [entry for file in files for entry in history(file, options.name)]
        shallow = bool(files) and git.is_shallow(files[0].parent)
    except git.GitError as error:
        err.write(f"no history: {error}\n")
        return 1
    if not entries:
        err.write(f"{options.name}: no setting of this name has or had a secret in these files\n")
        return 1
    out.write(_render_json(entries) if options.json else _render_text(entries))
    if shallow:
        err.write("this is a shallow clone, so older versions are missing. Run: git fetch --unshallow\n")
    return 0


def _render_json(versions: list[SettingVersion]) -> str:
    return json.dumps([asdict(version) for version in versions], indent=2) + "\n"


def _render_text(versions: list[SettingVersion]) -> str:
    return render_table([column.name for column in fields(SettingVersion)], map(astuple, versions))


def history(file: Path, setting: str) -> list[SettingVersion]:
    """Return the versions of a setting in one file, newest first, without the commits that did not change it.

    Raises:
        GitError: Git is not installed, or there is no repository or no commit of this file.
    """
    versions = git.list_versions(file)
    top = git.find_top(file.parent)
    texts = git.read_objects(top, [f"{version.commit.hash}:{version.name}" for version in versions])
    entries: list[SettingVersion] = []
    before: _Value | None = None
    for version, data in zip(reversed(versions), reversed(texts), strict=True):
        try:
            now = _read_value(version.name, data or b"", setting)
        except SecretError:
            # A version that does not parse shows nothing about the setting.
            continue
        if now != before:
            entries.append(_make_version(version, before, now))
        before = now
    # A text that was never a secret (DEBUG = "yes") has no history here.
    return entries[::-1] if any(entry.backend for entry in entries) else []


def _find_files(setting: str, paths: Iterable[Path]) -> list[Path]:
    """Return the files that hold the setting now, or else those whose history contains its last part."""
    files = discover(paths)
    holding = [file for file in files if _has_token(file, setting)]
    if holding or not files:
        return holding
    known = git.find_changes_of(setting.rpartition(".")[2])
    return [file for file in files if file.resolve() in known]


def _has_token(file: Path, setting: str) -> bool:
    try:
        return any(found.setting == setting for found in find_tokens(read(file)))
    except SecretError:
        return False


def _read_value(name: str, data: bytes, setting: str) -> _Value | None:
    file = decode(Path(name), data)
    for found in find_tokens(file):
        if found.setting == setting:
            return _Value(found.text, found.token)
    if setting.rpartition(".")[2] not in file.text:
        return None
    plain = (literal for literal in file.strings if literal.setting == setting and literal.direct)
    return next((_Value(literal.value, None) for literal in plain), None)


def _make_version(version: git.Version, before: _Value | None, now: _Value | None) -> SettingVersion:
    token = now.token if now else None
    change = "removed" if now is None else "plaintext" if token is None else "added" if before is None else "changed"
    commit = version.commit
    date = f"{commit.date:%Y-%m-%d %H:%M}" if commit.date else ""
    about = (token.backend, token.key_id, token.app) if token else ("", "", "")
    return SettingVersion(commit.hash[:12], date, commit.author, change, *about, version.name)
