"""``secret_history NAME``: shows every version of one setting in git. Needs no key."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.verbs.arguments import accept_path
from zemanta_ops.secrets.verbs.setting_history import SettingVersion, read_history
from zemanta_ops.terminal import render_table

HELP = "show every version of one setting in git: commit, date, author, backend and key id"
EPILOG = """examples:
  secret_history SECRET_KEY
  secret_history DATABASES.default.PASSWORD mysite/settings/production.py
  secret_history SECRET_KEY --json

Files are followed across renames, and branches and merges are included. A PATH may be gone by now.

exit codes: 0 versions were shown; 1 there are none, there is no git history, or some of it could not be read; 2 wrong
arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="dotted name of the setting, as in audit_secrets")
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=accept_path, help="files or folders (default: this folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON list, for scripts")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the versions, newest first."""
    try:
        found = read_history(options.name, options.paths or [Path()], err)
        shallow = git.is_shallow(Path())
    except (git.GitError, SecretError) as error:
        err.write(f"no history: {error}\n")
        return 1
    err.writelines(f"{line}\n" for line in [*found.unreadable, *found.notes])
    if not found.versions:
        err.write(f"{options.name}: no setting of this name has or had a secret in these files\n")
        return 1
    out.write(_render_json(found.versions) if options.json else _render_text(found.versions))
    if shallow:
        err.write("this is a shallow clone, so older versions are missing. Run: git fetch --unshallow\n")
    return int(bool(found.unreadable))


def _render_json(versions: Sequence[SettingVersion]) -> str:
    return json.dumps([asdict(version) for version in versions], indent=2) + "\n"


def _render_text(versions: Sequence[SettingVersion]) -> str:
    return render_table([column.name for column in fields(SettingVersion)], map(astuple, versions))
