"""``exec_with_secrets``: runs a command whose environment has the plaintexts of tokens."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TextIO

from zemanta_ops.secrets import backends, config, modes
from zemanta_ops.secrets.exceptions import ModeError, ResolveError, SecretError, SourceError
from zemanta_ops.secrets.resolve import resolve_values
from zemanta_ops.secrets.secret import Secret
from zemanta_ops.secrets.verbs.arguments import GivenText

HELP = "run a command whose environment has the decrypted secrets of a file"
EPILOG = """examples:
  exec_with_secrets --file production.env -- gunicorn mysite.wsgi
  exec_with_secrets -- ./backup.sh             decrypts the tokens that the environment itself has
  exec_with_secrets --file .env -- sh -c 'psql "$DATABASE_URL"'

Every value of the file, token or not, becomes a variable of the command, in place of one of the same name. The command
replaces this process: it gets the signals, and its exit code is that of the command. Everything that it starts, and
whoever may read /proc of its user, can read the plaintexts.

exit codes: those of the command; 1 something could not be decrypted, and the command was not started; 2 wrong
arguments; 126 the command cannot be executed; 127 it was not found.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--file", type=Path, metavar="FILE", help="a .env file with tokens (default: the environment)")
    parser.add_argument("--app", action=GivenText, default="", help="the application that the tokens are bound to")
    parser.add_argument("command", metavar="COMMAND", nargs="+", help="the command and its arguments, after --")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run the command; return only if it cannot be started."""
    try:
        if modes.mode() == modes.DEFERRED:
            raise ModeError(f"nothing is decrypted, because {modes.VARIABLE}={modes.DEFERRED}: unset it")
        environment = {**os.environ, **_read_variables(options)}
    except SecretError as error:
        err.write(f"exec_with_secrets: {error}\n")
        return 1
    for stream in (out, err):
        stream.flush()
    try:
        return _execute(options.command, environment)
    except OSError as error:
        err.write(f"exec_with_secrets: the command cannot be started: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126


def _read_variables(options: argparse.Namespace) -> Mapping[str, str]:
    if options.file is None:
        found = {name: text for name, text in os.environ.items() if backends.is_token(text)}
        values = _decrypt(found, options.app, config.load())
    else:
        given = _read_file(options.file)
        own = config.load_own(options.file)
        with config.use(own):
            found = {name: text for name, text in given.items() if backends.is_token(text)}
            values = {**given, **_decrypt(found, options.app, own)}
    for name, value in values.items():
        if "\0" in value:
            raise SourceError(f"{name} has a zero byte, which no environment variable can hold")
    return values


def _read_file(path: Path) -> dict[str, str]:
    from zemanta_ops.secrets.files.source_file import read  # imported here: it needs the extra "source"

    file = read(path)
    if file.kind != ".env":
        raise SourceError(f"{path} is not a .env file: variables have names and values only")
    values: dict[str, str] = {}
    for literal in file.scalars:
        if literal.setting in values:
            raise SourceError(f"{path}:{literal.line}: {literal.setting} is set twice: keep one of them")
        values[literal.setting] = literal.value
    return values


def _decrypt(found: Mapping[str, str], app: str, settings: config.Config) -> dict[str, str]:
    modes.refuse_fake()
    try:
        return dict(resolve_values([(name, Secret(text.strip())) for name, text in found.items()], app, settings))
    except ResolveError as error:
        raise SourceError(str(error).replace("no setting was changed", "the command was not started")) from None


def _execute(command: list[str], environment: Mapping[str, str]) -> int:
    if os.name == "nt":
        # There, exec would end this process at once, and whoever waits for it would not wait for the command.
        return subprocess.call(command, env=environment)  # noqa: S603
    return _replace_process(command, environment)


def _replace_process(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    # Python ignores these two, and the command would inherit that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    sys.stdout.flush()
    os.execvpe(command[0], command, environment)  # noqa: S606
