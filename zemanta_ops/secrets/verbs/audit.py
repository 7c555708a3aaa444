"""``audit_secrets``: every token, with its place, key, age and author, and an exit code for CI."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files.verify import FAILED, NOT_HERE
from zemanta_ops.secrets.verbs.audit_rows import Audit, Row, Rules, audit
from zemanta_ops.terminal import render_table

HELP = "list every encrypted secret: file and line, setting, backend, key id, application, age and author"
EPILOG = """examples:
  audit_secrets                               every settings file below this folder
  audit_secrets mysite/settings --max-age 365
  audit_secrets --json                        for scripts
  audit_secrets --allow plain                 where plain: tokens are meant to stand (development)
  audit_secrets --verify                      decrypt each, where the application runs; shows no plaintext

exit codes: 0 nothing is wrong; 1 a token or a file has a problem, which is shown; 2 wrong arguments; with --verify
also 3 this place has not the key, the rights or the connection to decrypt; 4 a token failed: it was changed, or its key
is another one. The highest that applies.
"""
_COLUMNS = ("place", "setting", "backend", "key", "app", "age", "author", "problems")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: this folder)")
    parser.add_argument("--app", default="", help="report tokens that are bound to another application")
    parser.add_argument("--max-age", metavar="DAYS", type=int, help="report tokens last changed longer ago")
    parser.add_argument(
        "--allow", metavar="BACKEND", action="append", default=[], help="do not report plain or 1.x tokens of it"
    )
    parser.add_argument("--verify", action="store_true", help="decrypt each token, to see whether it can be done")
    parser.add_argument("--json", action="store_true", help="one JSON object, for scripts")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the audit."""
    rules = Rules(app=options.app, max_age=options.max_age, allowed=frozenset(options.allow))
    try:
        result = audit(options.paths or [Path()], rules)
        if options.verify:
            result = result.verified()
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


def _as_json(result: Audit) -> str:
    data = {"tokens": [asdict(row) for row in result.rows], "unreadable": result.unreadable, "notes": result.notes}
    return json.dumps(data, indent=2) + "\n"


def _as_text(result: Audit) -> str:
    wrong = sum(bool(row.problems) for row in result.rows)
    files = len({row.file for row in result.rows})
    shown = render_table(_COLUMNS, map(_cells, result.rows)) if result.rows else ""
    return f"{shown}{len(result.rows)} secrets in {files} files, {wrong} with a problem\n"


def _cells(row: Row) -> Sequence[object]:
    age = "" if row.age_days is None else f"{row.age_days} d"
    place = f"{row.file}:{row.line}"
    return (place, row.setting, row.backend, row.key, row.app, age, row.author, "; ".join(row.problems))
