"""``secret_keygen``: generates a key pair for the sealed backend."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files.ignore import keep_out_of_git

HELP = "generate a key pair for the sealed backend"
EPILOG = """examples:
  secret_keygen --output production.key     write the private key to a new file of mode 0600, print the public key
  secret_keygen                             print the private key, and the public key on standard error
  secret_keygen --suite x25519              for short tokens, which a future quantum computer could decrypt
  secret_keygen | encrypt_secret kms alias/shop --multiline    a private key that only KMS can decrypt

Commit the public key in zemanta_ops.toml (recipients); give the application the private key in ZEMANTA_OPS_SEALED_KEY.
The file has the format of age: age -i reads it, and age-keygen writes such files.

Inside a git repository, the file is added to .gitignore first if git does not ignore it.

exit codes: 0 done; 1 the file already exists, cannot be written or cannot be kept out of git; 2 wrong arguments.
"""

_SUITES = {"pq": "mlkem768x25519", "x25519": "x25519"}
_STDOUT = ("-", "/dev/stdout")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--suite", choices=_SUITES, default="pq", help="pq: ML-KEM-768 with X25519 (default)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the private key to this new file; - to print it"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Generate the pair and print it."""
    output = None if str(options.output) in _STDOUT else options.output
    try:
        # Imported here: its package is optional, and --help must work without it.
        from zemanta_ops.secrets.backends import _agekeys

        identity = _agekeys.generate(_SUITES[options.suite])
        public, private = str(identity.recipient), identity.text()
        text = f"# public key: {public}\n{private}\n"
        if output:
            err.writelines(f"{line}\n" for line in keep_out_of_git(output))
            _write(output, text)
    except SecretError as error:
        err.write(f"secret_keygen: {error}\n")
        return 1
    if options.json:
        private_half = {"file": str(output)} if output else {"private_key": private}
        out.write(json.dumps({"public_key": public, "key_id": identity.recipient.key_id, **private_half}) + "\n")
    else:
        out.write(f"{public}\n" if output else text)
    if not (options.json or output or out.isatty()):
        err.write(f"public key: {public}\n")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise SourceError(f"{path} already exists, and a key is never overwritten: choose another file") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be written: {error.strerror}") from None
