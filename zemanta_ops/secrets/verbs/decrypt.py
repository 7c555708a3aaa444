"""``decrypt_secret``: prints the plaintext of a token or of a setting, for those who have the key."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import config
from zemanta_ops.secrets.exceptions import ContextError, ModeError, SecretError, SourceError, TokenError
from zemanta_ops.secrets.secret import StrictSecret
from zemanta_ops.secrets.verbs.arguments import GivenText

STDIN = "-"
HELP = "print the plaintext of a token, or of a setting"
EPILOG = """examples:
  decrypt_secret DATABASES.default.PASSWORD           the setting, in the settings files of this project
  decrypt_secret --file mysite/production.py A_TOKEN  the setting, in this file
  decrypt_secret 'kms:region=eu-west-1&key=...:...'   the token; in quotes, because & is special in shells
  decrypt_secret -                                    read the token from standard input
  decrypt_secret - --name DB_PASSWORD                 a token that is bound to a name
  decrypt_secret - --reveal                           in CI, whose logs then contain the plaintext

exit codes: 0 the plaintext is on standard output; 1 it could not be decrypted; 2 wrong arguments.
"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("token", metavar="TOKEN|NAME", help="the token, or - for standard input; or the setting")
    parser.add_argument("--file", type=Path, metavar="FILE", help="the file that has the setting NAME")
    parser.add_argument("--name", action=GivenText, default="", help="the setting that the token is bound to")
    parser.add_argument("--app", action=GivenText, default="", help="the application that the token is bound to")
    parser.add_argument("--reveal", action="store_true", help="print it even if CI is set")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the plaintext."""
    try:
        if os.environ.get("CI") and not options.reveal:
            raise ModeError(
                "CI is set, and CI keeps its output in logs: pass --reveal to print the plaintext all the same"
            )
        plaintext = _decrypt_setting(options) if _names_setting(options) else _decrypt_token(options)
    except SecretError as error:
        err.write(f"decrypt_secret: {error}\n")
        return 1
    _write(plaintext, out)
    return 0


def _names_setting(options: argparse.Namespace) -> bool:
    return bool(options.file) or bool(options.token != STDIN and _NAME.fullmatch(options.token))


def _decrypt_setting(options: argparse.Namespace) -> bytes:
    from zemanta_ops.secrets.files.source_file import read  # imported here: reading files needs the extra "source"
    from zemanta_ops.secrets.verbs import lookup

    if options.name:
        raise SourceError("--name is for a token: a setting has its own name")
    if options.file:
        return lookup.decrypt(lookup.find_in_file(read(options.file), options.token), options.app)
    return lookup.decrypt(lookup.find_in_project(options.token), options.app)


def _decrypt_token(options: argparse.Namespace) -> bytes:
    secret = StrictSecret(options.token if options.token != STDIN else _from_stdin())
    token = secret.tokens[0]
    if token is None:
        # Secret("") is the empty secret in settings; here, it is a variable that is not set or a command that failed.
        raise TokenError("not a token: it is empty")
    missing = []
    if token.name and not options.name:
        missing.append("a name: give it with --name")
    if token.app and not (options.app or config.load().app):
        missing.append("an application: give it with --app")
    if missing:
        raise ContextError(f"the token is bound to {', and to '.join(missing)}")
    return secret.decrypt_bytes(name=options.name, app=options.app)


def _from_stdin() -> str:
    if not sys.stdin:
        raise TokenError("not a token: standard input is closed")
    try:
        return sys.stdin.read().strip("\r\n")
    except UnicodeDecodeError:
        raise TokenError("not a token: standard input is not text") from None


def _write(plaintext: bytes, out: TextIO) -> None:
    """Write the bytes as they are, if the stream takes bytes; add a line break for a terminal only."""
    binary = getattr(out, "buffer", None)
    if binary is None:
        out.write(plaintext.decode("utf-8", "replace"))
    else:
        out.flush()
        binary.write(plaintext)
    if out.isatty():
        out.write("\n")
    out.flush()
