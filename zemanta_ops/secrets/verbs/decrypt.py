"""``decrypt_secret``: prints the plaintext of a token, for those who have the key."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TextIO

from zemanta_ops.secrets.exceptions import ModeError, SecretError, TokenError
from zemanta_ops.secrets.secret import StrictSecret

STDIN = "-"
HELP = "print the plaintext of a token"
EPILOG = """examples:
  decrypt_secret 'kms:region=eu-west-1&key=...:...'   in quotes, because & is special in shells
  decrypt_secret -                                    read the token from standard input
  decrypt_secret - --name DB_PASSWORD                 a token that is bound to a name
  decrypt_secret - --reveal                           in CI, whose logs then contain the plaintext

exit codes: 0 the plaintext is on standard output; 1 it could not be decrypted; 2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("token", metavar="TOKEN", help="the token, or - for standard input")
    parser.add_argument("--name", default="", help="the setting that the token is bound to")
    parser.add_argument("--app", default="", help="the application that the token is bound to")
    parser.add_argument("--reveal", action="store_true", help="print it even if CI is set")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the plaintext."""
    try:
        if os.environ.get("CI") and not options.reveal:
            raise ModeError(
                "CI is set, and CI keeps its output in logs: pass --reveal to print the plaintext all the same"
            )
        text = options.token if options.token != STDIN else _from_stdin()
        plaintext = StrictSecret(text).decrypt_bytes(name=options.name, app=options.app)
    except SecretError as error:
        err.write(f"decrypt_secret: {error}\n")
        return 1
    _write(plaintext, out)
    return 0


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
