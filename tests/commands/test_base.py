"""What all management commands have in common: one base class, one form of help, one exit code for wrong arguments."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path

import pytest
from django.core.management import CommandError, load_command_class
from django.test import override_settings

from tests.special_files import kept, make_special
from zemanta_ops.management import commands
from zemanta_ops.management.base import EXIT_USAGE, OpsCommand
from zemanta_ops.management.verbs import VerbCommand
from zemanta_ops.secrets import ledger
from zemanta_ops.stack.declarations import isolate

# Django's own command, with secrets redacted.
NAMES = sorted({module.name for module in pkgutil.iter_modules(commands.__path__)} - {"diffsettings"})

WRONG = {
    "check_metrics": ["--timeout", "0"],
    "emit_gauges": [],
    "explain_legacy": ["a.b:1|c"],
    "generate_stack": ["telegraf"],
    "metrics_series": ["surplus"],
    "push_cloudwatch": ["--since", "yesterday"],
    "watch_metrics": ["--forward", "nowhere"],
}


def run(name: str, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        load_command_class("zemanta_ops", name).run_from_argv(["manage.py", name, *arguments])
    return ended.value.code


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_the_base_class(name: str) -> None:
    assert isinstance(load_command_class("zemanta_ops", name), OpsCommand)


@pytest.mark.parametrize("name", NAMES)
def test_the_help_shows_examples_and_the_code_for_wrong_arguments(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(name, "--help") == 0
    shown = capsys.readouterr().out
    assert name in shown.partition("\nexamples:")[2]
    assert "\nexit codes:" in shown
    assert " ".join(shown.split()).count(f"{EXIT_USAGE} wrong arguments") == 1
    assert "wrong use" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_wrong(name: str) -> None:
    assert run(name, "--no-such-option") == EXIT_USAGE


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("watch_metrics", "--port", "70000"),
        ("watch_metrics", "--port", "-1"),
        ("watch_metrics", "--port", "http"),
        ("watch_metrics", "--interval", "1e308"),
        ("watch_metrics", "--for", "nan"),
        ("check_metrics", "--watch", "1e12"),
        ("check_metrics", "--timeout", "inf"),
        ("push_cloudwatch", "--time-limit", "1e7"),
    ],
)
def test_a_number_that_the_system_cannot_use_is_wrong(
    name: str, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(name, option, value) == EXIT_USAGE
    assert f"{value} " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("name", "arguments"), WRONG.items())
def test_wrong_arguments_have_one_code_whoever_finds_them(
    name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(name, *arguments) == EXIT_USAGE
    assert capsys.readouterr().err


@pytest.mark.parametrize("name", ["generate_stack telegraf", "show_dashboards"])
@pytest.mark.parametrize("kind", ["-", "file", "fifo", "device", "socket"])
def test_a_folder_to_write_to_is_not_a_file(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / kind
    path.touch() if kind in ("-", "file") else make_special(kind, path)
    with kept(path):
        assert run(*name.split(), "--output", kind) == EXIT_USAGE
    assert f"--output: {kind} is not a folder" in capsys.readouterr().err


FAILING = {
    "check_alerts": [],
    "compute_composites": [],
    "emit_gauges": ["--once"],
    "explain_legacy": ["a.b:1|c"],
    "generate_stack": ["grafana", "--output", "deploy", "--preview"],
    "list_objectives": [],
    "push_cloudwatch": [],
    "silence_alert": ["no.such.alert", "--until", "1h", "--reason", "example"],
    "watch_metrics": ["--port", "0", "--write"],
}
# These fail only after they have printed something, or read no settings.
OTHERS = {"check_metrics", "list_alerts", "metrics_series"}


def has_json(name: str) -> bool:
    parser = load_command_class("zemanta_ops", name).create_parser("manage.py", name)
    return any("--json" in action.option_strings for action in parser._actions)


def test_each_command_with_json_is_tried() -> None:
    # Commands for secrets print errors on standard error alone, as their console scripts do.
    other = {name for name in NAMES if not isinstance(load_command_class("zemanta_ops", name), VerbCommand)}
    assert {name for name in other if has_json(name)} == {*FAILING, *OTHERS}


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "arguments"), FAILING.items())
def test_an_error_before_any_output_is_a_document_with_json(
    name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with override_settings(ZEMANTA_OPS={"METRICS": {"GAUGE_LOCK": "cache:nowhere"}}), isolate():
        code = run(name, *arguments, "--json")
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert code not in (0, None)
    assert document["ok"] is False
    assert document["problems"]
    assert document["problems"][0] in shown.err


def test_a_secret_in_the_error_of_a_command_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    class Failing(OpsCommand):
        def handle(self, *_args: object, **_options: object) -> None:
            raise CommandError("redis://:example-secret@cache.example.com does not answer", returncode=3)

    ledger.reveal("example-secret")
    with pytest.raises(SystemExit) as ended:
        Failing().run_from_argv(["manage.py", "failing"])
    assert ended.value.code == 3
    shown = capsys.readouterr().err
    assert "@cache.example.com does not answer" in shown
    assert "example-secret" not in shown
