"""Makes a management command of an operators' verb."""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar, TextIO, cast

from django.core.management.base import BaseCommand, CommandParser

from zemanta_ops.secrets import verbs


class VerbCommand(BaseCommand):
    """Parses, runs the verb, and exits with its code. System checks are left out: they may need the very secret."""

    verb: ClassVar[str]
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Show the verb's own help and examples."""
        module = verbs.load(self.verb)
        self.help = module.HELP
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=module.EPILOG, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the verb's arguments."""
        verbs.load(self.verb).add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run the verb."""
        out, err = cast(TextIO, self.stdout), cast(TextIO, self.stderr)
        code = verbs.load(self.verb).run(argparse.Namespace(**options), out, err)
        if code:
            sys.exit(code)
