"""``rotate_secrets``: re-encrypts tokens in place, to a new key or backend."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import backends, config
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.rotation import journal
from zemanta_ops.secrets.rotation.campaign import Finish, RotationReport, Rules, no_finish, preview, rotate
from zemanta_ops.secrets.rotation.order import Order, Recipe, read_order
from zemanta_ops.secrets.rotation.selection import Selection
from zemanta_ops.secrets.verbs.arguments import GivenText, accept_path
from zemanta_ops.secrets.verbs.encryption import Choice, add_encryption_arguments, choose_method, read_choice

HELP = "re-encrypt the secrets in settings files, in place, to a new key or backend"
EPILOG = """examples:
  rotate_secrets --dry-run                              show what would change, with the plaintexts redacted
  rotate_secrets --env production mysite/settings       to the backend and key of zemanta_ops.toml
  rotate_secrets --to kms --key alias/new --region eu-west-1 mysite/settings/production.py
  rotate_secrets --from-key 0123456789abcdef --to local --new-key     every token under one key
  rotate_secrets --resume                               after a crash, with no other argument

All tokens are made and verified first, and kept in .zemanta_ops-rotation (tokens only, no plaintexts) until every file
is written. From KMS to KMS, and in Vault for tokens that are not bound, the key service re-encrypts: no permission to
decrypt is needed.

exit codes: 0 done; 1 something failed, and files that were not written are unchanged; 2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_rotation_arguments(parser)
    parser.add_argument(
        "--from",
        action=GivenText,
        dest="from_backend",
        default="",
        metavar="BACKEND",
        help="only tokens of this backend",
    )
    parser.add_argument(
        "--from-key",
        action=GivenText,
        default="",
        metavar="ID",
        help="only tokens under this key id, as in audit_secrets",
    )


def add_rotation_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that rotation and migration share."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", type=accept_path, help="files or folders (default: this folder)"
    )
    names = ", ".join(backends.names())
    parser.add_argument(
        "--to",
        action=GivenText,
        dest="backend",
        metavar="BACKEND",
        help=f"one of {names}; with --help, shows its options",
    )
    parser.add_argument("--key", metavar="KEY", help="the backend's key, such as alias/shop")
    add_encryption_arguments(parser)
    for option, what in (("--only", "only this setting"), ("--skip", "not this setting")):
        parser.add_argument(
            option, action="append", default=[], metavar="SETTING", help=f"{what}; may contain * and ?; repeatable"
        )
    parser.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="leave out files and folders that match, as in .gitignore; repeatable",
    )
    parser.add_argument("--bind", action="store_true", help="bind each token to the application and its setting")
    parser.add_argument("--no-verify", action="store_true", help="do not decrypt and compare the new tokens")
    parser.add_argument("--json", action="store_true", help="print one JSON list of the replaced tokens, for scripts")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the change as a diff and write nothing")
    how.add_argument("--resume", action="store_true", help="continue an interrupted rotation")
    how.add_argument("--abandon", action="store_true", help="discard an interrupted rotation; files stay as they are")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Rotate."""
    selection = Selection(tuple(options.only), options.from_backend, options.from_key, skip=tuple(options.skip))
    return run_campaign(options, selection, out, err)


def run_campaign(
    options: argparse.Namespace, selection: Selection, out: TextIO, err: TextIO, finish: Finish = no_finish
) -> int:
    """Rotate or migrate according to the options; return the exit code."""
    journals: list[journal.Journal] = []
    try:
        if options.abandon:
            out.write("discarded\n" if journal.abandon(Path()) else "there is nothing to discard\n")
            return 0
        report = _rotate(options, selection, err, finish, journals)
    except SecretError as error:
        err.write(f"{error}\n")
        return 1
    except (KeyboardInterrupt, SystemExit):
        err.write(_describe_interruption(selection, journals))
        raise
    err.writelines(f"{note}\n" for note in report.notes)
    if options.json:
        out.write(json.dumps(report.rows, indent=2) + "\n")
    else:
        out.writelines([*report.diffs, report.summary])
    return 0


def _describe_interruption(selection: Selection, journals: list[journal.Journal]) -> str:
    if not Path(journal.FILE_NAME).exists():
        # The journal ends when all files are written; it ends before that only if no token was made.
        done = any(each.new for each in journals)
        return f"\ninterrupted: {'all files were written' if done else 'no file was changed'}\n"
    verb = _name_verb(selection)
    return f"\ninterrupted. Continue with: {verb} --resume. Or discard the new tokens: {verb} --abandon\n"


def _name_verb(selection: Selection) -> str:
    return "migrate_secrets" if selection.migrate else "rotate_secrets"


def _rotate(
    options: argparse.Namespace, selection: Selection, err: TextIO, finish: Finish, journals: list[journal.Journal]
) -> RotationReport:
    if options.resume:
        kept = journal.resume(Path())
        journals.append(kept)
        order = _resume_order(kept, selection)
        return rotate(order, kept, err, Rules(_make_chooser(order), finish))
    order = _read_order(options, selection)
    rules = Rules(_make_chooser(order), finish)
    if options.dry_run:
        return preview(order, err, rules)
    started = journal.start(Path(), order.as_dict())
    journals.append(started)
    return rotate(order, started, err, rules)


def _resume_order(kept: journal.Journal, selection: Selection) -> Order:
    try:
        order = read_order(kept.options)
        Choice(**order.choice)
    except (KeyError, TypeError):
        raise journal.not_a_journal(kept.path) from None
    if order.selection.migrate != selection.migrate:
        raise SourceError(
            f"{kept.path} is the journal of the other command. Run: {_name_verb(order.selection)} --resume"
        )
    return order


def _read_order(options: argparse.Namespace, selection: Selection) -> Order:
    choice = read_choice(options)
    if choice.backend:
        backends.load(choice.backend)
    _refuse_plain(choice.backend)
    paths = tuple(map(str, options.paths)) or (".",)
    return Order(paths, asdict(choice), selection, options.bind, not options.no_verify, tuple(options.exclude))


def _make_chooser(order: Order) -> Callable[[Path], Recipe]:
    """Return the function that chooses how the tokens of a file are made, by the configuration of that file."""
    choice = Choice(**order.choice)

    def choose(path: Path) -> Recipe:
        settings = config.load_own(path)
        method = choose_method(choice, settings, own=True)
        _refuse_plain(method.backend)
        binds = order.bind or (order.selection.migrate and settings.require_context)
        if binds and not method.app:
            raise SourceError(f"--bind needs an application: use --app NAME, or set app in {settings.shown}")
        return Recipe(method.backend, method.options, method.app if binds else "")

    return choose


def _refuse_plain(backend: str) -> None:
    if backend == "plain":
        raise SourceError("rotation does not write plaintexts: name another backend with --to or --env")
