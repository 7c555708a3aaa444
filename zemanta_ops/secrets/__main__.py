"""``python -m zemanta_ops.secrets VERB``, and the console scripts: the verbs with no Django settings loaded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from zemanta_ops.secrets import verbs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb that the first argument names; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m zemanta_ops.secrets", description="Secrets that stand encrypted in settings."
    )
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in verbs.PATHS:
        _declare(subparsers.add_parser(name, help=verbs.load(name).HELP), name)
    options = parser.parse_args(arguments)
    return _run(options.verb, options)


def encrypt_secret() -> int:
    """Be the console script ``encrypt-secret``."""
    return _script("encrypt")


def decrypt_secret() -> int:
    """Be the console script ``decrypt-secret``."""
    return _script("decrypt")


def _script(name: str) -> int:
    parser = argparse.ArgumentParser(prog=f"{name}-secret")
    _declare(parser, name)
    return _run(name, parser.parse_args())


def _declare(parser: argparse.ArgumentParser, name: str) -> None:
    verb = verbs.load(name)
    parser.description, parser.epilog = verb.HELP, verb.EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_arguments(parser)


def _run(name: str, options: argparse.Namespace) -> int:
    try:
        return verbs.load(name).run(options, sys.stdout, sys.stderr)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
