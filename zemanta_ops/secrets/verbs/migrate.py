"""``migrate_secrets``: turns plaintexts of ``.env`` files and tokens of SecretCrypt into our tokens, in place."""

from __future__ import annotations

import argparse
import re
import warnings
from typing import TextIO

from zemanta_ops.secrets.exceptions import LegacyTokenWarning
from zemanta_ops.secrets.files.env_readers import READERS
from zemanta_ops.secrets.files.source_file import SourceFile
from zemanta_ops.secrets.rotation.selection import Selection
from zemanta_ops.secrets.verbs.rotate import add_rotation_arguments, run_campaign

HELP = "encrypt the secrets of .env files, and re-encrypt tokens of SecretCrypt, in place"
EPILOG = """examples:
  migrate_secrets --dry-run .env                   show what would change, with the plaintexts redacted
  migrate_secrets --env production --bind .env     to the backend and key of zemanta_ops.toml, bound to the names
  migrate_secrets --to sealed --recipient age1pq1... --all --skip DEBUG --skip 'LOG_*' .env
  migrate_secrets --to kms --key alias/shop --only '*_PASSWORD' .env.production
  migrate_secrets --to kms --key alias/shop mysite/settings     tokens of SecretCrypt
  migrate_secrets --resume                         after a crash, with no other argument

In a .env file, the values that look secret are encrypted: by their name (KEY, TOKEN, SECRET, PASSWORD, SALT and the
like), or as URLs with passwords or random parts, and credentials of well-known services. --all selects every value,
--only those named; the others are listed. If the programs that may read the file would read a value differently,
nothing is written: name the program with --reader. A .env file that git ignores must be an argument itself; a folder
.envs counts whole. In .py, .toml, .yaml and .json files, tokens of SecretCrypt 1.x are replaced, and "from secretcrypt
import Secret" is changed to import ours.

All tokens are made and verified first, and kept in .zemanta_ops-rotation (tokens only, no plaintexts) until every file
is written. From KMS to KMS, the key service re-encrypts: no permission to decrypt is needed.

exit codes: 0 done; 1 something failed, and files that were not written are unchanged; 2 wrong arguments.
"""

# Names that both packages have.
_NAME = "(?:Secret|StrictSecret)"
_NAMES = rf"{_NAME}(?:[ \t]*,[ \t]*{_NAME})*"
_IMPORT = re.compile(rf"^([ \t]*from[ \t]+)secretcrypt([ \t]+import[ \t]+{_NAMES}[ \t]*(?:#.*)?\r?)$", re.MULTILINE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_rotation_arguments(parser)
    parser.add_argument("--all", action="store_true", help="encrypt every value of .env files, whatever its name")
    parser.add_argument("--reader", choices=READERS, default="", help="the program that reads the .env files")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Migrate."""
    selection = Selection(
        tuple(options.only), migrate=True, skip=tuple(options.skip), every=options.all, reader=options.reader
    )
    with warnings.catch_warnings():
        # They are migrated because they are not authenticated.
        warnings.simplefilter("ignore", LegacyTokenWarning)
        return run_campaign(options, selection, out, err, _import_ours)


def _import_ours(file: SourceFile, text: str) -> str:
    return _IMPORT.sub(r"\1zemanta_ops.secrets\2", text) if file.kind == ".py" else text
