"""Generate the configuration of what stands around the application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.management.base import OpsCommand
from zemanta_ops.secrets import ledger
from zemanta_ops.stack.generate.files import (
    TARGETS,
    Generated,
    SettingsError,
    Target,
    WriteError,
    compare,
    generate,
    write,
)

EXIT_SETTINGS = 3
EXIT_NOT_WRITTEN = 4

EPILOG = """
examples:
  manage.py generate_stack telegraf --output deploy            telegraf.conf and what starts Telegraf with it
  manage.py generate_stack telegraf --dry-run                  the same on standard output; nothing is written
  manage.py generate_stack telegraf --output deploy --force    overwrite what was generated, or edited, before
  manage.py generate_stack telegraf --output deploy --json     which files, and what was done with each

No credential is in any of the files: Telegraf takes them from its environment.

exit codes:
  0  written, or there already with the same contents
  1  wrong use
  3  the settings cannot be used; the message says which
  4  a file is in the way and --force is not given, or it could not be written
"""


class Command(OpsCommand):
    """Thin: generate, compare, write, exit code."""

    help = "Writes a Telegraf configuration that fits the settings of this application."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("target", choices=sorted(TARGETS), help="what to generate")
        parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to; it is made if it is not there")
        parser.add_argument("--force", action="store_true", help="overwrite files that have other contents")
        parser.add_argument("--dry-run", action="store_true", help="print the files instead of writing them")
        parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Generate and write, or print."""
        folder: Path | None = options["output"]
        if folder is None and not options["dry_run"]:
            raise CommandError("say where to with --output FOLDER, or --dry-run")
        try:
            generated = generate(options["target"], _is_secret)
            targets = compare(generated.files, folder or Path())
            if not options["dry_run"]:
                write(targets, force=options["force"])
        except SettingsError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        except WriteError as error:
            raise CommandError(str(error), returncode=EXIT_NOT_WRITTEN) from None
        if options["json"]:
            self.stdout.write(json.dumps(_document(generated, targets, options["dry_run"]), indent=2))
            return
        for target in targets:
            self._show(target, options["dry_run"])
        for warning in generated.warnings:
            self.stderr.write(f"warning: {warning}", style_func=self.style.WARNING)

    def _show(self, target: Target, dry_run: bool) -> None:
        if dry_run:
            self.stdout.write(f"##### {target.path}\n{target.file.text}")
        else:
            self.stdout.write(f"{_done(target):10}{target.path}")


def _is_secret(value: str) -> bool:
    return value in ledger.revealed()


def _done(target: Target) -> str:
    return "unchanged" if target.state == "unchanged" else "written"


def _document(generated: Generated, targets: list[Target], dry_run: bool) -> dict[str, Any]:
    files = [
        {"path": str(target.path), "state": target.state, "text": target.file.text}
        if dry_run
        else {"path": str(target.path), "state": target.state, "done": _done(target)}
        for target in targets
    ]
    return {"files": files, "warnings": list(generated.warnings)}
