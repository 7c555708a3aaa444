"""``secret_textconv``: prints a settings file with its tokens decrypted, for ``git diff`` and ``git log -p``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import modes
from zemanta_ops.secrets.decrypt_tokens import decrypt_tokens
from zemanta_ops.secrets.exceptions import LegacyTokenWarning, SecretError
from zemanta_ops.terminal import escape

HELP = "print a settings file with its tokens decrypted, for git diff (textconv)"
EPILOG = """examples:
  secret_textconv mysite/settings.py    print this file
  git config diff.secrets.textconv "python -m zemanta_ops.secrets textconv"
  echo "settings/*.py diff=secrets" >> .git/info/attributes
  git diff, git log -p and git show now show plaintexts, on this machine only

Off until you configure it. Your terminal, its scroll-back and the pager's history then hold plaintexts, and so does
whatever you paste. Tokens that cannot be decrypted here are printed as they are, and so is every token if CI or
ZEMANTA_OPS_SECRETS is set. guard_secrets, secret_history and audit_secrets never use it.

exit codes: 0 the file was printed; 1 it cannot be read; 2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the file; git names it")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Print the file."""
    try:
        data = options.file.read_bytes()
    except OSError as error:
        err.write(f"secret_textconv: {options.file} cannot be read: {error.strerror}\n")
        return 1
    _write(_convert(options.file, data), out)
    return 0


def _convert(path: Path, data: bytes) -> bytes:
    """Return the file with each token replaced by its plaintext; or as it is, if that cannot be done."""
    # Imported here: reading files needs the extra "source".
    from zemanta_ops.secrets.files.formats.base import splice
    from zemanta_ops.secrets.files.scan import FoundToken, find_tokens
    from zemanta_ops.secrets.files.source_file import decode

    def edits(found: Sequence[FoundToken]) -> Iterator[tuple[tuple[int, int], str]]:
        for each, value in zip(found, _decrypt([token.token for token in found]), strict=True):
            if isinstance(value, bytes):
                head, *others = each.literal.pieces
                yield head, escape(value.decode("utf-8", "replace"))
                yield from ((other, "") for other in others)

    if os.environ.get("CI") or os.environ.get(modes.VARIABLE):
        return data
    try:
        file = decode(path, data)
        found = [each for each in find_tokens(file) if each.token and each.literal.placed]
        return file.encode(splice(file.text, edits(found)))
    except (SecretError, UnicodeEncodeError):
        return data


def _decrypt(tokens: Sequence[object]) -> list[bytes | SecretError]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTokenWarning)
        return decrypt_tokens(tokens)  # type: ignore[arg-type]


def _write(data: bytes, out: TextIO) -> None:
    binary = getattr(out, "buffer", None)
    if binary is None:
        out.write(data.decode("utf-8", "replace"))
    else:
        out.flush()
        binary.write(data)
    out.flush()
    sys.stdout.flush()
