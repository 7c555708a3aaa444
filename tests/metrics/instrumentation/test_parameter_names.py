"""No wrapper of ours has a parameter whose name a caller may use."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand

from zemanta_ops.metrics import instrumentation
from zemanta_ops.metrics.instrumentation import cache, commands, http, patching
from zemanta_ops.testing import Recorder

NAMES = ("original", "command", "session", "pool", "cache", "handler", "name", "value")
# Django itself takes no options named self, args and options.


@pytest.fixture
def installed() -> Iterator[None]:
    instrumentation.install(["commands"])
    yield
    instrumentation.uninstall(["commands"])


class Odd(BaseCommand):
    """A command with an option of every name."""

    requires_system_checks = ()

    def add_arguments(self, parser: Any) -> None:
        for name in (*NAMES, "shell"):
            parser.add_argument(f"--{name}", dest=name)

    def handle(self, *_: Any, **options: Any) -> str:
        return ",".join(f"{name}={options[name]}" for name in NAMES)


@pytest.mark.usefixtures("installed")
def test_a_command_may_have_options_of_every_name(
    captured_metrics: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [f"--{name}={name}" for name in NAMES]
    Odd().run_from_argv(["manage.py", "odd", *arguments])
    call_command(Odd(), *arguments)
    assert capsys.readouterr().out.count("command=command") == 2
    assert len(captured_metrics.find("command.duration")) == 2


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("form", [["--command", "print(6 * 7)"], ["-c", "print(6 * 7)"]])
def test_shell_runs_in_every_form(form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    call_command("shell", *form)
    assert "42" in capsys.readouterr().out


@pytest.mark.parametrize("module", [cache, commands, http, patching])
def test_every_wrapper_takes_what_is_its_own_by_position_only(module: Any) -> None:
    wrappers = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and next(iter(inspect.signature(function).parameters), "") == "original"
        if "kwargs" in inspect.signature(function).parameters or "options" in inspect.signature(function).parameters
    ]
    for function in wrappers:
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert inspect.Parameter.POSITIONAL_OR_KEYWORD not in kinds, function
