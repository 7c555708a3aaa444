"""``encrypt_secret``: reads a plaintext and prints its token, or writes it to its place in a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files.env_readers import READERS
from zemanta_ops.secrets.verbs.arguments import GivenText
from zemanta_ops.secrets.verbs.encryption import add_encryption_arguments
from zemanta_ops.secrets.verbs.encryption import encrypt as encrypt_plaintext
from zemanta_ops.secrets.verbs.plaintext import read_plaintext

HELP = "encrypt a secret and print its token, or write it into a file"
EPILOG = """examples:
  encrypt_secret                                       with the backend of zemanta_ops.toml; asks for the plaintext
  encrypt_secret --name DB_PASSWORD --env production   bound to that setting; cannot be moved to another
  encrypt_secret kms --help                            the options of a backend
  encrypt_secret kms alias/shop --region eu-west-1     with a backend and a key
  encrypt_secret sealed --recipient age1pq1...         to a public key, offline
  encrypt_secret vault shop --mount teams/web/transit  under a key of Vault
  encrypt_secret password                              under a password, for a colleague
  encrypt_secret local < token.txt                     from standard input: one line, without the line break
  encrypt_secret local --multiline < key.pem           all bytes of standard input
  encrypt_secret --into mysite/settings.py DATABASES.default.PASSWORD
  encrypt_secret local --from-env-file .env            a NAME=token line for each value; - reads standard input

--into replaces the token or the plaintext of that setting in a .py, .toml, .yaml, .json or .env file, and changes
nothing else. With --add, a new name is added to a .env file, to the top level of a TOML file, or as an assignment to a
Python file; in other files, add it with the value "" first. The zemanta_ops.toml is the one above FILE. The token is
bound to the name if --name or --app is given, if zemanta_ops.toml has require_context = true, or if the token that it
replaces was bound. With --app or require_context, the tokens of --from-env-file are bound too, each to its own name.

exit codes: 0 the token is on standard output, or in the file; 1 it could not be encrypted, and the file is unchanged;
2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "backend",
        action=GivenText,
        metavar="BACKEND",
        nargs="?",
        help=f"one of {', '.join(backends.names())}; encrypt_secret BACKEND --help shows its options",
    )
    parser.add_argument("key", metavar="KEY", nargs="?", help="the backend's key, such as alias/shop")
    add_encryption_arguments(parser)
    parser.add_argument(
        "--name", action=GivenText, default="", help="bind to this setting, such as DATABASES.default.PASSWORD"
    )
    parser.add_argument("--context", action="append", default=[], metavar="KEY=VALUE", help="bind to this pair too")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--multiline", action="store_true", help="read all bytes of standard input")
    source.add_argument("--from-file", type=Path, metavar="FILE", help="read all bytes of this file")
    source.add_argument(
        "--from-env-file", action=GivenText, metavar="FILE", help="read a .env file and encrypt each of its values"
    )
    parser.add_argument("--reader", default="", choices=READERS, help="the program that reads that .env file")
    parser.add_argument("--empty", action="store_true", help="accept an empty plaintext")
    parser.add_argument("--add", action="store_true", help="with --into: add the setting if the file does not have it")
    parser.add_argument("--into", nargs=2, metavar=("FILE", "NAME"), help="write the token to this setting of a file")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the token."""
    try:
        if options.into or options.from_env_file:
            from zemanta_ops.secrets.verbs import encrypt_into  # imported here: it needs the extra "source"

            encrypt_into.run(options, out, err)
            return 0
        token = encrypt_plaintext(options, lambda: read_plaintext(options, err), options.name)
    except SecretError as error:
        err.write(f"encrypt_secret: {error}\n")
        return 1
    out.write(f"{token}\n")
    return 0
