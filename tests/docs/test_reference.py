"""Whatever a user can type or meet is in the documentation: read from the code, looked for in the pages."""

from __future__ import annotations

import ast
import pkgutil
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops import metrics
from zemanta_ops.conf import conf
from zemanta_ops.management import commands
from zemanta_ops.metrics import catalog
from zemanta_ops.secrets import config
from zemanta_ops.testing import Recorder

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SETTINGS = [(key, name) for key, section in conf.sections().items() for name in section.settings()]
CHECKS = sorted(
    {
        found
        for path in (ROOT / "zemanta_ops").rglob("*.py")
        for found in re.findall(r"zemanta_ops\.[EW]\d{3}\b", path.read_text(encoding="utf-8"))
    }
)
COMMANDS = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


def rows(page: str, heading: str = "") -> dict[str, list[str]]:
    """Return the list-table rows of a page, or below a heading: the first cell's bare text, and all cells."""
    found: dict[str, list[str]] = {}
    cells: list[str] = []
    text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
    if heading:
        text = text.split(f"\n{heading}\n{'-' * len(heading)}\n")[1].split("\n---")[0]
    for line in text.splitlines():
        if line.startswith("   * - "):
            cells = found.setdefault(line[7:].strip("`"), [])
            cells.append(line[7:])
        elif line.startswith("     -"):
            cells.append(line[7:])
        elif line.startswith("       ") and cells:
            cells[-1] += " " + line.strip()
    return found


@pytest.mark.parametrize(("section", "name"), SETTINGS)
def test_every_setting_is_on_the_settings_page(section: str, name: str) -> None:
    text = (DOCS / "settings.rst").read_text(encoding="utf-8")
    after_heading = text.split(f"\n{section}\n{'-' * len(section)}\n")[1].split("\n---")[0]
    assert f"* - ``{name}``" in after_heading


@pytest.mark.parametrize(("section", "name"), SETTINGS)
def test_the_default_on_the_settings_page_is_the_one_in_the_code(section: str, name: str) -> None:
    setting = conf.sections()[section].settings()[name]
    shown = rows("settings", section)[name][1].strip("`")
    if name == "HOST_TAG":
        assert shown == "this machine's name"
        return
    default = setting.default() if callable(setting.default) else setting.default
    assert ast.literal_eval(shown) == (list(default) if isinstance(default, tuple) else default)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_commands_page(name: str) -> None:
    assert f"``manage.py {name}" in (DOCS / "commands.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(metrics.__all__))
def test_every_call_is_on_the_page_of_calls(name: str) -> None:
    assert re.search(rf"``{name}[(`]", (DOCS / "calls.rst").read_text(encoding="utf-8"))


def test_the_example_on_the_page_of_calls_emits_what_it_says(captured_metrics: Recorder) -> None:
    [example] = re.findall(
        r"code-block:: python\n\n((?:    .*\n|\n)+)", (DOCS / "calls.rst").read_text(encoding="utf-8")
    )
    names: dict[str, Any] = {}
    exec(textwrap.dedent(example), names)
    names["make_report"]()
    captured_metrics.assert_incr("signup", 1, plan="pro")
    captured_metrics.assert_incr("rows.imported", 250, source="crm")
    captured_metrics.assert_gauge("queue.waiting", 12, queue="mail")
    captured_metrics.assert_timing("etl.load", 1.25, source="s3")
    captured_metrics.assert_histogram("upload.size", 48_210, kind="image")
    captured_metrics.assert_unique("visitors", "user-17")
    captured_metrics.assert_timing("billing.call", service="stripe")
    captured_metrics.assert_timing("report.make")


@pytest.mark.parametrize("metric", catalog.METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_in_the_catalogue_page_with_its_type_unit_and_tags(metric: catalog.Metric) -> None:
    _, kind_and_unit, tags, _ = rows("catalogue")[metric.name]
    assert kind_and_unit == f"{metric.kind}, {metric.unit}"
    assert tags.replace("``", "").split() == list(metric.tags)


def test_the_checks_page_has_each_check_and_no_other() -> None:
    assert sorted(set(rows("checks")) - {"Id"}) == CHECKS


@pytest.mark.parametrize("key", config._TYPES)
def test_every_key_of_zemanta_ops_toml_is_on_the_settings_page(key: str) -> None:
    assert key in rows("settings")


def test_every_environment_variable_is_in_the_docs() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.rst"))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "zemanta_ops").rglob("*.py"))
    named = set(re.findall(r"\"(ZEMANTA_OPS_[A-Z_]+)\"", code))
    assert {"ZEMANTA_OPS_SECRETS", "ZEMANTA_OPS_CONFIG"} <= named
    assert [name for name in sorted(named) if name not in pages] == []
