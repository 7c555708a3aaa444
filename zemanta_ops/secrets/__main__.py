"""``python -m zemanta_ops.secrets VERB``, and the console scripts: the verbs without Django settings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from zemanta_ops.secrets import verbs
from zemanta_ops.signals import exit_on_signals
from zemanta_ops.terminal import keep_line_breaks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the verb named by the first argument; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m zemanta_ops.secrets", description="Secrets that are encrypted in settings files."
    )
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name in verbs.PATHS:
        verb = verbs.load(name)
        verb.add_arguments(subparsers.add_parser(name, help=verb.HELP, **_describe(verb)))
    options = parser.parse_args(arguments)
    return _run(options.verb, options)


def encrypt_secret() -> int:
    """Run the console script ``encrypt-secret``."""
    return _script("encrypt")


def decrypt_secret() -> int:
    """Run the console script ``decrypt-secret``."""
    return _script("decrypt")


def _script(name: str) -> int:
    verb = verbs.load(name)
    parser = argparse.ArgumentParser(prog=f"{name}-secret", **_describe(verb))
    verb.add_arguments(parser)
    return _run(name, parser.parse_args())


def _describe(verb: verbs.Verb) -> dict[str, Any]:
    return {"description": verb.HELP, **keep_line_breaks(verb.EPILOG)}


def _run(name: str, options: argparse.Namespace) -> int:
    with exit_on_signals():
        return verbs.load(name).run(options, sys.stdout, sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
