"""The worked example of docs/telegraf.rst: a project's own target of ``generate_stack``."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

PAGE = Path(__file__).parents[3] / "docs" / "telegraf.rst"


def read_blocks(language: str) -> list[str]:
    section = PAGE.read_text(encoding="utf-8").split(".. _own-target:")[1]
    found = re.findall(rf"code-block:: {language}\n\n((?:    .*\n|\n)+)", section)
    return [textwrap.dedent(block).strip("\n") for block in found]


@pytest.fixture
def settings_of_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Write the module of the page where it can be imported, and apply the settings of the page."""
    module, assignment = read_blocks("python")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "firewall.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    value = ast.literal_eval(assignment.partition(" = ")[2])
    with override_settings(ZEMANTA_OPS=value):
        yield value


@pytest.mark.usefixtures("settings_of_page")
def test_the_target_on_the_page_prints_what_the_page_shows() -> None:
    output = StringIO()
    command, *shown = read_blocks("text")[0].splitlines()
    call_command(*command.split()[3:], stdout=output, stderr=output)
    assert output.getvalue().split() == " ".join(shown).split()


@pytest.mark.usefixtures("settings_of_page")
def test_the_targets_of_the_package_remain() -> None:
    output = StringIO()
    call_command("generate_stack", "telegraf", "--dry-run", stdout=output, stderr=StringIO())
    assert "[[inputs.statsd]]" in output.getvalue()


@pytest.mark.parametrize(
    ("path", "words"),
    [("nowhere.at.all", "cannot be imported"), ("tests.settings", "has no function generate"), (5, "invalid choice")],
)
def test_a_path_without_a_target_is_refused(path: Any, words: str) -> None:
    targets = {"own": path}
    applied = override_settings(ZEMANTA_OPS={"METRICS": {"GENERATE_TARGETS": targets}})
    with applied, pytest.raises(CommandError, match=words) as raised:
        call_command("generate_stack", "own", "--dry-run")
    assert raised.value.returncode == (1 if path == 5 else 3)
