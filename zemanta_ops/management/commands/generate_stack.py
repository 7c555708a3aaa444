"""Generate configuration files for the programs around the application."""

from __future__ import annotations

import difflib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from zemanta_ops.conf import conf
from zemanta_ops.management.base import EXIT_SETTINGS, OpsCommand, UsageError, parse_folder
from zemanta_ops.management.databases import exit_on_failure, open_database_or_exit
from zemanta_ops.secrets import ledger
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.generate import VARIANTS, Generated, SettingsError, generate, list_targets
from zemanta_ops.stack.generate.files import PlannedFile, WriteError, compare_files, write_files
from zemanta_ops.stack.generate.grafana import Finding, Preview, preview_dashboards, read_sources
from zemanta_ops.stack.settings import list_faults

# The last six hours, as a dashboard shows when it is opened.
_PREVIEWED = 6 * 3_600_000

EXIT_NOT_WRITTEN = 4
EXIT_DATABASE = 5
EXIT_FINDINGS = 6

EPILOG = """
examples:
  manage.py generate_stack telegraf --output deploy            write telegraf.conf and what starts Telegraf with it
  manage.py generate_stack telegraf --dry-run                  print the files; nothing is written
  manage.py generate_stack telegraf --output deploy --force    overwrite files that have other contents
  manage.py generate_stack telegraf --output deploy --json     list the files and what was done with each, as JSON

  manage.py generate_stack grafana --output deploy             write Grafana's data source and dashboards
  manage.py generate_stack grafana --alerts --output deploy    the same, and alert rules with whom they notify
  manage.py generate_stack grafana --preview                   run every panel's queries; list what would be empty
  manage.py generate_stack grafana --preview --json            the same as JSON
  manage.py generate_stack kapacitor --output deploy           write Kapacitor's scripts, handlers and configuration
  manage.py generate_stack runbooks --output docs --markdown   write a page that says what each alert means
  manage.py generate_stack compose --output deploy             write compose.yaml, which runs all of it on this machine

With --force, what changes in a file is printed. The files have no credentials in them: the programs read those from
their environment.

exit codes:
  0  written, or unchanged
  2  wrong arguments
  3  the settings cannot be used; the message says which
  4  a file exists with other contents and --force is not given, or it could not be written
  5  --preview: the database cannot be reached, or does not answer within 10 s
  6  --preview: panels would be refused, slow, too full, or empty though they are not on a healthy site
"""


class Command(OpsCommand):
    """Generates the files of a target, and writes or prints them."""

    help = "Writes configuration files that fit the settings of this application."
    epilog = EPILOG

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("target", choices=sorted(list_targets()), help="what to generate")
        parser.add_argument(
            "--output", type=parse_folder, metavar="FOLDER", help="write to this folder; made if missing"
        )
        parser.add_argument("--force", action="store_true", help="overwrite files that have other contents")
        parser.add_argument("--dry-run", action="store_true", help="print the files instead of writing them")
        parser.add_argument("--alerts", action="store_true", help="grafana: add alert rules and whom they notify")
        parser.add_argument("--markdown", action="store_true", help="runbooks: write Markdown, not reStructuredText")
        parser.add_argument("--preview", action="store_true", help="grafana: list panels that would be empty or slow")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Generate, and write or print."""
        if options["preview"]:
            self._preview(options["target"], as_json=options["json"])
            return
        folder, dry_run = options["output"], options["dry_run"]
        if folder is None and not dry_run:
            raise UsageError("No folder is given. Add --output FOLDER, or --dry-run")
        try:
            generated = generate(options["target"], _is_secret, _choose_variant(options))
            planned = compare_files(generated.files, folder or Path())
            differences = [line for each in planned for line in list_differences(each)]
            if not dry_run:
                write_files(planned, force=options["force"])
        except SettingsError as error:
            raise CommandError(str(error), returncode=EXIT_SETTINGS) from None
        except WriteError as error:
            raise CommandError(str(error), returncode=EXIT_NOT_WRITTEN) from None
        if options["json"]:
            self.stdout.write(json.dumps(_build_document(generated, planned, dry_run), indent=2))
        else:
            self._print(generated, planned, dry_run)
            self.stdout.write("".join(differences), ending="")

    def _preview(self, target: str, *, as_json: bool) -> None:
        """Run the queries of every panel against the configured database."""
        if target != "grafana":
            raise UsageError("--preview is for the target grafana alone")
        found = preview_panels()
        wrong = [each for each in found.findings if not each.expected]
        if as_json:
            self.stdout.write(json.dumps({"ok": not wrong, **asdict(found)}, indent=2))
        else:
            self._print_preview(found, wrong)
        if wrong:
            raise CommandError(f"not as on a healthy site: {len(wrong)}", returncode=EXIT_FINDINGS)

    def _print_preview(self, found: Preview, wrong: list[Finding]) -> None:
        for each in wrong:
            self.stdout.write(f"{each.problem:9}{each.dashboard}: {each.panel}: {each.reason}")
        for each in found.findings:
            if each.expected:
                self.stdout.write(
                    f"expected {each.dashboard}: {each.panel}: empty, as on a healthy site: {each.reason}"
                )
        expected = len(found.findings) - len(wrong)
        self.stdout.write(
            f"{found.filled} of {found.panels} panels have data, {expected} are empty as on a healthy site"
        )

    def _print(self, generated: Generated, planned: list[PlannedFile], dry_run: bool) -> None:
        for each in planned:
            if dry_run:
                self.stdout.write(f"##### {each.path}\n{each.file.text}")
            else:
                self.stdout.write(f"{_describe_action(each):10}{each.path}")
        for warning in generated.warnings:
            self.stderr.write(f"warning: {warning}", style_func=self.style.WARNING)


def _choose_variant(options: dict[str, Any]) -> str:
    """Return the option that asks for more than the target's usual files, or nothing."""
    known = VARIANTS.get(options["target"], {})
    for name in {name for variants in VARIANTS.values() for name in variants if options[name]}:
        if name not in known:
            target = next(target for target, variants in VARIANTS.items() if name in variants)
            raise UsageError(f"--{name} is for the target {target} alone")
        return name
    return ""


def preview_panels() -> Preview:
    """Return what the panels show, as the configured database answers now."""
    if faults := list_faults():
        raise CommandError("; ".join(faults), returncode=EXIT_SETTINGS)
    sources, _ = read_sources()
    now = int(time.time()) * 1_000
    with open_database_or_exit() as database, exit_on_failure(database, EXIT_DATABASE):
        window = Window(now - _PREVIEWED, now)
        return preview_dashboards(sources, database, window, Choice({}, conf.influxdb.bucket))


def list_differences(planned: PlannedFile) -> list[str]:
    """Return what would change in a file that has other contents, as a unified diff."""
    if planned.state != "different":
        return []
    before = planned.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    after = planned.file.text.splitlines(keepends=True)
    return list(difflib.unified_diff(before, after, f"{planned.path} (as it was)", str(planned.path)))


def _is_secret(value: str) -> bool:
    return value in ledger.plaintexts()


def _describe_action(planned: PlannedFile) -> str:
    return "unchanged" if planned.state == "unchanged" else "written"


def _build_document(generated: Generated, planned: list[PlannedFile], dry_run: bool) -> dict[str, Any]:
    files = [
        {"path": str(each.path), "state": each.state, "text": each.file.text}
        if dry_run
        else {"path": str(each.path), "state": each.state, "done": _describe_action(each)}
        for each in planned
    ]
    return {"files": files, "warnings": list(generated.warnings)}
