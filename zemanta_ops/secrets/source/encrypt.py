"""``encrypt_secret``: a plaintext in, a token out: alone on stdout, or written into its place in a file."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.exceptions import ConfigError, EncryptError, SecretError

HELP = "encrypt a secret and print its token, or write it into a file"
EPILOG = """examples:
  encrypt_secret                                       the backend of zemanta_ops.toml; asks for the plaintext
  encrypt_secret --name DB_PASSWORD --env production   bound to that setting; cannot be moved to another
  encrypt_secret kms alias/shop --region eu-west-1     a backend and a key by hand
  encrypt_secret sealed --recipient age1pq1...         to a public key, offline
  encrypt_secret vault shop --mount teams/web/transit  under a key of Vault
  encrypt_secret password                              under a password, to hand it to a colleague
  encrypt_secret local < token.txt                     from standard input: one line, without its line break
  encrypt_secret local --multiline < key.pem           all of standard input, to the byte
  encrypt_secret --into mysite/settings.py DATABASES.default.PASSWORD
  encrypt_secret local --from-env-file .env            a NAME="token" line for each value; - reads standard input

--into replaces the token or the plaintext of that setting in a .py, .toml, .yaml, .json or .env file, and touches
nothing else. A name that is not there is added to a .env, at the top level of a TOML file and as an assignment to a
Python file; elsewhere put "" there first. The token is bound to the name if --name or --app is given, if
zemanta_ops.toml says require_context = true, or as the token was whose place it takes. With --app or require_context
those of --from-env-file are bound too, each to its own name.

exit codes: 0 the token is on standard output, or in the file; 1 it could not be encrypted, and the file is as it was;
2 wrong arguments.
"""

PROMPT = "Enter plaintext: "
_OPTIONS = ("key", "region", "new_key", "recipients", "suite", "mount", "derived", "key_version")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("backend", metavar="BACKEND", nargs="?", help=f"one of {', '.join(backends.names())}")
    parser.add_argument("key", metavar="KEY", nargs="?", help="the backend's key, such as alias/shop")
    add_target(parser)
    parser.add_argument("--name", default="", help="bind to this setting, such as DATABASES.default.PASSWORD")
    parser.add_argument("--context", action="append", default=[], metavar="KEY=VALUE", help="bind to this pair too")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--multiline", action="store_true", help="read standard input to its end, bytes kept")
    source.add_argument("--from-file", type=Path, metavar="FILE", help="read this file, bytes kept")
    source.add_argument("--from-env-file", metavar="FILE", help="read a .env file and encrypt each of its values")
    parser.add_argument("--into", nargs=2, metavar=("FILE", "NAME"), help="write the token to this setting of a file")


def add_target(parser: argparse.ArgumentParser) -> None:
    """Declare what says how to encrypt, but for backend and key."""
    parser.add_argument("--env", default="", metavar="NAME", help="environment of zemanta_ops.toml")
    parser.add_argument("--app", default="", help="bind to this application (default: app of zemanta_ops.toml)")
    parser.add_argument("--region", help="AWS region (kms)")
    parser.add_argument("--new-key", action="store_true", default=None, help="make a new active key first (local)")
    parser.add_argument(
        "--recipient",
        dest="recipients",
        action="append",
        metavar="PUBLIC_KEY",
        help="a public key, age1pq1… or age1…; several: each of them can read (sealed)",
    )
    parser.add_argument("--suite", help="argon2id or scrypt (password)")
    parser.add_argument("--mount", metavar="PATH", help="mount of the transit engine (vault)")
    parser.add_argument("--derived", action="store_true", default=None, help="the key is a derived one (vault)")
    parser.add_argument("--key-version", type=int, metavar="N", help="version of the key (vault; default: the newest)")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the token."""
    try:
        if options.into or options.from_env_file:
            from zemanta_ops.secrets.source import into  # the parsers are packages of the extra "source"

            into.run(options, out, err)
            return 0
        token = encrypted(options, lambda: plaintext(options, err), options.name)
    except SecretError as error:
        err.write(f"encrypt_secret: {error}\n")
        return 1
    out.write(f"{token}\n")
    return 0


def encrypted(
    options: argparse.Namespace, read: Callable[[], bytes], name: str, kept: Mapping[str, str] | None = None
) -> str:
    """Return the token of what ``read`` returns, bound to ``name`` unless that is empty, and to ``kept``."""
    backend, chosen, app = target(options)
    context = {**(kept or {}), **_context(options, app, name)}
    value = read()
    # Whatever goes wrong from here on, no log and no error page shows it.
    ledger.reveal(value)
    return wire.format(backends.load(backend).encrypt(value, context, **chosen))


def target(options: argparse.Namespace) -> tuple[str, dict[str, Any], str]:
    """Return backend, its options and the application, of the arguments and ``zemanta_ops.toml``."""
    settings = config.load()
    given = {name: value for name in _OPTIONS if (value := getattr(options, name)) is not None}
    app = options.app or settings.app
    if options.backend and not options.env:
        return options.backend, given, app
    if not settings.environments:
        raise ConfigError(f"name a backend ({', '.join(backends.names())}), or set one in {config.FILE_NAME}")
    environment = settings.environment(options.env)
    if options.backend and options.backend != environment.backend:
        return options.backend, given, app
    return environment.backend, dict(environment.options) | given, app


def _context(options: argparse.Namespace, app: str, name: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in options.context]
    if any(not separator for _, separator, _ in pairs):
        raise EncryptError("--context takes KEY=VALUE")
    free = {key: value for key, _, value in pairs}
    if set(free) & {"app", "name"}:
        raise EncryptError("app and name have options of their own: --app, --name")
    # A token of SecretCrypt's users has no context, so app alone is added only where a name is bound as well.
    bound = {"app": app, "name": name} if name or options.app else {}
    return {key: value for key, value in (bound | free).items() if value}


def plaintext(options: argparse.Namespace, err: TextIO) -> bytes:
    """Read the plaintext from where the options say."""
    if options.from_file:
        return read_bytes(options.from_file)
    given = stdin()
    if options.multiline:
        if given.isatty():
            err.write("Enter plaintext, then Ctrl-D on a line of its own:\n")
            err.flush()
        return given.buffer.read()
    if given.isatty():
        return _typed()
    line, *more = given.buffer.read().split(b"\n", 1)
    if more and more[0]:
        raise EncryptError("standard input has more than one line: use --multiline to keep them all")
    return line.removesuffix(b"\r")


def read_bytes(path: Path) -> bytes:
    """Read a file that may have any name; EncryptError where that cannot be done."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise EncryptError(f"{path} cannot be read: {error.strerror}") from None


def stdin() -> TextIO:
    """Return standard input; EncryptError where it is closed."""
    if not sys.stdin:
        raise EncryptError("standard input is closed: pipe the plaintext in, or name a file")
    return sys.stdin


def _typed() -> bytes:
    try:
        return getpass.getpass(PROMPT).encode()
    except UnicodeError:
        raise EncryptError("what was typed is not text in this terminal's encoding: use --from-file") from None
    except EOFError:
        raise EncryptError("nothing was typed: nothing was encrypted") from None
