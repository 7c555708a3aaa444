"""The operators' verbs with no Django settings loaded: ``python -m zemanta_ops.secrets VERB``.

A settings file that raises stops every ``manage.py`` command, also the one that would mend it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, TextIO

from zemanta_ops.secrets.exceptions import SecretError

# Each is a module with HELP, EPILOG, add_arguments(parser) and run(options, out, err); the management command of the
# same name runs the same module.
VERBS = {
    "audit_secrets": "zemanta_ops.secrets.source.audit_verb",
    "guard_secrets": "zemanta_ops.secrets.source.guard",
    "secret_history": "zemanta_ops.secrets.source.history",
}


class Verb(Protocol):
    """What a verb's module holds."""

    HELP: str
    EPILOG: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
        """Do it and return the exit code."""


def load(name: str) -> Verb:
    """Import the module of a verb."""
    verb: Verb = import_module(VERBS[name])
    return verb


def execute(verb: Verb, options: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Run a verb; an error about secrets is one line and exit code 1."""
    try:
        return verb.run(options, out, err)
    except SecretError as error:
        err.write(f"{error}\n")
        return 1
    except BrokenPipeError:
        # The reader (head, a pager) has seen enough.
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        err.write("\nstopped\n")
        return 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run one verb."""
    parser = argparse.ArgumentParser(prog="python -m zemanta_ops.secrets", description="Secrets in settings files.")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name in VERBS:
        verb = load(name)
        inner = verbs.add_parser(
            name,
            help=verb.HELP,
            description=verb.HELP,
            epilog=verb.EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        verb.add_arguments(inner)
        inner.set_defaults(verb=verb)
    options = parser.parse_args(arguments)
    return execute(options.verb, options, sys.stdout, sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
