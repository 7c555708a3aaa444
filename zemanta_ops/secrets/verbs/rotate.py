"""``rotate_secrets``: re-encrypt tokens where they stand, to a new key or backend."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files.rewrite import diff
from zemanta_ops.secrets.rotation import journal
from zemanta_ops.secrets.rotation.campaign import Campaign, Finish, Order, no_finish, order_from, paths_of, summary
from zemanta_ops.secrets.rotation.selection import Selection
from zemanta_ops.secrets.verbs.target import add_target, target

HELP = "re-encrypt the secrets in settings files, where they stand, to a new key or backend"
EPILOG = """examples:
  rotate_secrets --dry-run                              show what would change, with the plaintexts redacted
  rotate_secrets --env production mysite/settings       to the backend and key of zemanta_ops.toml
  rotate_secrets --to kms --key alias/new --region eu-west-1 mysite/settings/production.py
  rotate_secrets --from-key 0123456789abcdef --to local --new-key     every token under one key
  rotate_secrets --resume                               after a crash, with no other argument

All tokens are made and verified first, and kept in .zemanta_ops-rotation (tokens only, no plaintext) until every file
is written. From KMS to KMS, and in Vault for tokens that are not bound, the key service re-encrypts: no right to
decrypt is needed.

exit codes: 0 done; 1 something failed, and what was not written is as it was; 2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_campaign(parser)
    parser.add_argument("--from", dest="from_backend", default="", metavar="BACKEND", help="only tokens of it")
    parser.add_argument("--from-key", default="", metavar="ID", help="only tokens under this key id (audit shows it)")


def add_campaign(parser: argparse.ArgumentParser) -> None:
    """Declare what rotation and migration share."""
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="files or folders (default: this folder)")
    parser.add_argument("--to", dest="backend", metavar="BACKEND", help=f"one of {', '.join(backends.names())}")
    parser.add_argument("--key", metavar="KEY", help="the backend's key, such as alias/shop")
    add_target(parser)
    for option, what in (("--only", "only this setting"), ("--skip", "all but this setting")):
        parser.add_argument(
            option, action="append", default=[], metavar="SETTING", help=f"{what}; * and ? stand for any; repeatable"
        )
    parser.add_argument("--bind", action="store_true", help="bind each token to the application and its setting")
    parser.add_argument("--no-verify", action="store_true", help="do not decrypt the new tokens to compare")
    parser.add_argument("--json", action="store_true", help="one JSON list of what was done, for scripts")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the change as a diff and write nothing")
    how.add_argument("--resume", action="store_true", help="go on with a rotation that was broken off")
    how.add_argument("--abandon", action="store_true", help="forget a rotation that was broken off; files stay")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Rotate."""
    selection = Selection(tuple(options.only), options.from_backend, options.from_key, skip=tuple(options.skip))
    return conduct(options, selection, out, err)


def conduct(
    options: argparse.Namespace, selection: Selection, out: TextIO, err: TextIO, finish: Finish = no_finish
) -> int:
    """Run a campaign as the options say."""
    try:
        if options.abandon:
            out.write("forgotten\n" if journal.abandon(Path()) else "there was nothing to abandon\n")
            return 0
        if options.dry_run:
            return _show(Campaign(_order(options, selection), None), options, out, err, finish)
        return _do(options, selection, out, err, finish)
    except SecretError as error:
        err.write(f"{error}\n")
        return 1


def _do(options: argparse.Namespace, selection: Selection, out: TextIO, err: TextIO, finish: Finish) -> int:
    if options.resume:
        kept = journal.resume(Path())
        try:
            order = order_from(kept.options)
        except (KeyError, TypeError):
            raise journal.not_ours(kept.path) from None
        if order.selection.migrate != selection.migrate:
            raise SourceError(f"{kept.path} is of the other command: go on with migrate_secrets, or rotate_secrets")
    else:
        order = _order(options, selection)
        kept = journal.start(Path(), order.as_dict())
    campaign = Campaign(order, kept)
    try:
        campaign.make(campaign.scan(), err)
    except SecretError:
        if not kept.new:
            # Nothing is worth going on with.
            kept.end()
        raise
    campaign.write(finish)
    kept.end()
    out.write(json.dumps(campaign.rows(), indent=2) + "\n" if options.json else summary(campaign))
    return 0


def _show(campaign: Campaign, options: argparse.Namespace, out: TextIO, err: TextIO, finish: Finish) -> int:
    campaign.make(campaign.scan(), err)
    if options.json:
        out.write(json.dumps(campaign.rows(), indent=2) + "\n")
        return 0
    out.writelines(diff(*campaign.preview(path, finish)) for path in campaign.files())
    out.write(summary(campaign, shown_only=True))
    return 0


def _order(options: argparse.Namespace, selection: Selection) -> Order:
    name, chosen, app = target(options)
    if name == "plain":
        raise SourceError("rotation does not write plaintexts: name another backend with --to or --env")
    if options.bind and not app:
        raise SourceError("--bind needs the application: --app NAME, or app in zemanta_ops.toml")
    backend = backends.load(name)
    if chosen.pop("new_key", None) and not options.dry_run:
        # Once, ahead of all: each token would make a key of its own otherwise.
        backend.encrypt(b"a new key", {}, new_key=True, **chosen)
    return Order(
        paths_of(options.paths), name, chosen, selection, app if options.bind else "", verify=not options.no_verify
    )
