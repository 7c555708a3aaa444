"""``audit_secrets``: lists every token with its place, key, age and author; the exit code is for CI."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files.verify import FAILED, NOT_HERE
from zemanta_ops.secrets.verbs.arguments import GivenText, accept_path
from zemanta_ops.secrets.verbs.audit_report import AuditReport, AuditRow, Rules, audit
from zemanta_ops.terminal import count, render_table

HELP = "list every encrypted secret: file and line, setting, backend, key id, application, age and author"
EPILOG = """examples:
  audit_secrets                               every settings file below this folder
  audit_secrets mysite/settings --max-age 365
  audit_secrets --json                        for scripts
  audit_secrets --exclude charts/             files that hold no tokens of ours; or exclude in zemanta_ops.toml
  audit_secrets --allow plain                 if plain: tokens are allowed (development)
  audit_secrets --verify                      decrypt each, on a host of the application; shows no plaintext

A file that is not valid, such as a template, is a problem only if tokens may be hidden in it.

exit codes: 0 no problems; 1 a token or a file has a problem, or a folder has no token; 2 wrong arguments. With
--verify also 3 a key, a permission or a connection is missing here; 4 a token failed: it was changed, or its key is a
different one. The highest that applies.
"""
_COLUMNS = ("place", "setting", "backend", "key", "app", "age", "author", "problems")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=accept_path, help="files or folders (default: this folder)"
    )
    parser.add_argument(
        "--app", action=GivenText, default="", help="report tokens that are bound to another application"
    )
    parser.add_argument("--max-age", metavar="DAYS", type=int, help="report tokens that were last changed longer ago")
    parser.add_argument(
        "--allow",
        metavar="BACKEND",
        action="append",
        default=[],
        help="accept plain or 1.x tokens of this backend; repeatable",
    )
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out files and folders that match, as in .gitignore; repeatable",
    )
    parser.add_argument("--verify", action="store_true", help="decrypt each token to check that it can be decrypted")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for scripts")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the audit."""
    rules = Rules(app=options.app, max_age=options.max_age, allowed=frozenset(options.allow))
    try:
        result = audit(options.paths or [Path()], rules, options.exclude)
        if options.verify:
            result = result.verify()
    except SecretError as error:
        err.write(f"{error}\n")
        return 1
    out.write(_as_json(result) if options.json else _as_text(result))
    err.writelines(f"{line}\n" for line in [*result.unreadable, *result.notes])
    verdicts = {row.verified for row in result.rows}
    if FAILED in verdicts:
        return 4
    if NOT_HERE in verdicts:
        return 3
    return int(bool(result.unreadable) or any(row.problems for row in result.rows))


def _as_json(result: AuditReport) -> str:
    data = {"tokens": [asdict(row) for row in result.rows], "unreadable": result.unreadable, "notes": result.notes}
    return json.dumps(data, indent=2) + "\n"


def _as_text(result: AuditReport) -> str:
    wrong = sum(bool(row.problems) for row in result.rows)
    files = len({row.file for row in result.rows})
    shown = render_table(_COLUMNS, map(_cells, result.rows)) if result.rows else ""
    return f"{shown}{count(len(result.rows), 'secret')} in {count(files, 'file')}, {wrong} with a problem\n"


def _cells(row: AuditRow) -> Sequence[object]:
    age = "" if row.age_days is None else f"{row.age_days} d"
    place = f"{row.file}:{row.line}"
    return (place, row.setting, row.backend, row.key, row.app, age, row.author, "; ".join(row.problems))
