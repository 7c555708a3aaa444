"""The page of runbooks: every alert has a section, links lead to it, and no text is read as markup."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stack.generate.grafana.traffic import configured
from tests.stack.generate.kapacitor.running import generate_kapacitor, read_handlers, read_scripts
from zemanta_ops.stack.declarations import Alert, Composite, Objective, above, below, isolate, rate, total
from zemanta_ops.stack.generate import generate
from zemanta_ops.stack.generate.runbooks.generator import _escape_markdown, _escape_rst
from zemanta_ops.stack.inventory.usable import read_usable

# Sphinx brings it; where that is not installed, as for the matrix of versions, the page is not read.
core, nodes = pytest.importorskip("docutils.core"), pytest.importorskip("docutils.nodes")

PAGE = "https://docs.example.com/runbooks.html"
INFLUXDB = {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}
ODD = "*a* `b` _c_ d_ |e| <f> [g]_ \\h :i:`j` http://k:: ..l ### & 漢字 'm' \"n\" - + 1. ::"


def declare() -> None:
    requests = total("http.request.count")
    errors = Composite(
        "shop.errors", value=total("http.request.count", status="5*") / requests, by=("view",), meaning=ODD
    )
    Alert(errors, warn=above(0.01), crit=above(0.05), for_="2m", action="Ring.\nThen look.", impact=ODD)
    Alert(rate("http.request.count"), name=f"odd {ODD}", warn=below(1), runbook="https://wiki.example.com/a b`>_")
    Objective("checkout", total=requests, bad={"status": "5*"}, target=0.999, meaning="Checkouts work.")


@contextmanager
def settings(**alerts: Any) -> Iterator[None]:
    with isolate(), configured(INFLUXDB=INFLUXDB, ALERTS=alerts):
        declare()
        yield


@pytest.fixture
def rst() -> str:
    with settings():
        [file] = generate("runbooks").files
    assert file.path == "runbooks.rst"
    return file.text


def parse(text: str) -> Any:
    """Return the page as docutils reads it; anything that it warns about fails the test."""
    return core.publish_doctree(text, settings_overrides={"halt_level": 2, "report_level": 2})


def list_sections(document: Any) -> dict[str, Any]:
    return {id_: section for section in document.findall(nodes.section) for id_ in section["ids"]}


def test_each_alert_and_objective_has_a_section_with_its_anchor(rst: str) -> None:
    sections = list_sections(parse(rst))
    assert {"alert-shop-errors", "alert-zemanta-ops-dropped", "objective-checkout"} <= set(sections)
    text = sections["alert-shop-errors"].astext()
    for part in ("Ring. Then look.", "Warn above 0.01 and crit above 0.05, over 5m, for at least 2m, for each view."):
        assert part in text
    assert "99.900% of events must be good within 30d." in sections["objective-checkout"].astext()


def test_the_first_queries_are_in_the_language_of_the_database(rst: str) -> None:
    section = list_sections(parse(rst))["alert-shop-errors"]
    blocks = [block.astext() for block in section.findall(nodes.literal_block)]
    assert len(blocks) == 2
    assert all(block.startswith("SELECT sum(") and "time >= now() - 300s" in block for block in blocks)


def test_no_text_is_read_as_markup(rst: str) -> None:
    document = parse(rst)
    words = " ".join(ODD.split())
    assert words in list_sections(document)["alert-shop-errors"].astext()
    [title] = [each for each in document.findall(nodes.title) if each.astext().startswith("odd")]
    assert title.astext() == f"odd {words}"
    links = [each["refuri"] for each in document.findall(nodes.reference) if "refuri" in each]
    assert [link for link in links if link.startswith("https://wiki")] == ["https://wiki.example.com/a%20b%60%3E_"]


def test_sphinx_builds_the_page_without_a_warning(rst: str, tmp_path: Path) -> None:
    (tmp_path / "index.rst").write_text(rst, encoding="utf-8")
    (tmp_path / "conf.py").write_text("project = 'shop'\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(tmp_path), str(tmp_path / "built")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert 'id="alert-shop-errors"' in (tmp_path / "built" / "index.html").read_text(encoding="utf-8")


def test_markdown_has_the_same_sections(rst: str) -> None:
    with settings():
        [file] = generate("runbooks", variant="markdown").files
    assert file.path == "runbooks.md"
    anchors = re.findall('<a id="(.+)"></a>', file.text)
    assert set(anchors) <= set(list_sections(parse(rst)))
    assert {"alert-shop-errors", "objective-checkout"} <= set(anchors)
    assert "Ring\\. Then look\\." in file.text
    assert "[More on this](<https://wiki.example.com/a%20b%60%3E_>)" in file.text
    assert "<f>" not in file.text.replace("\\<f\\>", "")


@given(st.text(min_size=1))
def test_docutils_reads_any_text_back(text: str) -> None:
    words = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    [item] = parse(f"* **Meaning:** {_escape_rst(text)}").findall(nodes.list_item)
    assert item.astext() == f"Meaning: {words}".strip()


@given(st.text())
def test_markdown_has_no_mark_that_is_not_escaped(text: str) -> None:
    escaped = _escape_markdown(text)
    plain = escaped.replace("\\\\", "")
    for mark in "*_`[]<>|#&~":
        assert plain.count(mark) == plain.count(f"\\{mark}")


def test_alerts_without_a_runbook_lead_to_their_section() -> None:
    receivers = {"pager": {"BACKEND": "pagerduty"}}
    files = generate_kapacitor(declare, ALERTS={"RECEIVERS": receivers, "RUNBOOKS": PAGE})
    assert sorted(read_handlers(files)) == ["shop-pager"]
    scripts = read_scripts(files)
    assert f"{PAGE}#alert-shop-errors" in scripts["shop-alert-shop-errors"]
    assert f"{PAGE}#alert-zemanta-ops-dropped" in scripts["shop-alert-zemanta-ops-dropped"]


def test_rules_and_panels_of_grafana_lead_to_the_section() -> None:
    with settings(RUNBOOKS=PAGE):
        files = {file.path: file.text for file in generate("grafana", variant="alerts").files}
    for path in ("provisioning/alerting/zemanta_ops_rules.yaml", "dashboards/state.json"):
        assert f"{PAGE}#alert-shop-errors" in files[path]
    assert f"{PAGE}#objective-checkout" in files["dashboards/overview.json"]


def list_warnings() -> list[str]:
    return [fault.id for fault in read_usable().faults if "shop.errors" in fault.text]


def test_a_page_of_runbooks_answers_the_warning_about_a_missing_one() -> None:
    with settings():
        assert list_warnings() == ["zemanta_ops.W201"]
    with settings(RUNBOOKS=PAGE):
        assert list_warnings() == []
