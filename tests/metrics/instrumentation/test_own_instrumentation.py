"""The instrumentation of the documentation's example, and what happens to a user's own that is wrong."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.mail import EmailMessage
from django.test import override_settings

from zemanta_ops.conf import conf
from zemanta_ops.metrics import instrumentation
from zemanta_ops.testing import ANY, Recorder

PAGE = Path(__file__).parents[3] / "docs" / "instrumentation.rst"
Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a module of a package ``shop`` and returns its dotted path."""
    (tmp_path / "shop").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(instrumentation, "_own", set())

    def write_module(name: str, text: str) -> str:
        for module in ("shop", f"shop.{name}"):
            monkeypatch.delitem(sys.modules, module, raising=False)
        (tmp_path / "shop" / f"{name}.py").write_text(text, encoding="utf-8")
        return f"shop.{name}"

    return write_module


def send(*recipients: str) -> None:
    EmailMessage("subject", "body", "shop@example.com", recipients).send()


def read_example() -> tuple[str, dict[str, Any]]:
    """Return the module of the page and the setting that names it."""
    section = PAGE.read_text(encoding="utf-8").split("An instrumentation of your own\n")[1]
    blocks = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", section)
    module, settings = map(textwrap.dedent, blocks[:2])
    values: dict[str, Any] = {}
    exec(settings, values)
    return module, values["ZEMANTA_OPS"]


def messages(*names: str) -> list[str]:
    with override_settings(ZEMANTA_OPS={"METRICS": {"INSTRUMENT": names}}):
        return [message.msg for message in run_checks(tags=["zemanta_ops"]) if message.id == "zemanta_ops.E120"]


def test_the_example_measures_what_the_page_says(write: Write, captured_metrics: Recorder) -> None:
    module, setting = read_example()
    path = write("mail_metrics", module)
    with override_settings(ZEMANTA_OPS=setting):
        assert path in conf.metrics.instrument
        instrumentation.install(conf.metrics.instrument)
    instrumentation.install([path])
    captured_metrics.clear()
    send("anna@example.com")
    send("anna@example.com", "bert@example.com")
    assert [record.tags for record in captured_metrics.find("mail.send.duration")] == [
        {"bulk": "false"},
        {"bulk": "true"},
    ]
    instrumentation.uninstall()
    captured_metrics.clear()
    send("anna@example.com")
    assert not captured_metrics.find("mail.send.duration", bulk=ANY)


def test_the_checks_accept_the_example(write: Write) -> None:
    module, _ = read_example()
    assert messages("database", write("mail_metrics", module)) == []


WRONG = {
    "not_there": (None, "ModuleNotFoundError: No module named"),
    "empty": ("", "ImportError: shop.empty has no function install()"),
    "half": ("def install(): ...\n", "ImportError: shop.half has no function uninstall()"),
    "failing": ("1 / 0\n", "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_that_cannot_be_used_is_reported_and_stops_neither_start_nor_others(
    name: str, write: Write, captured_metrics: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    text, reason = WRONG[name]
    path = f"shop.{name}" if text is None else write(name, text)
    [message] = messages(path)
    assert f"INSTRUMENT '{path}' cannot be used: {reason}" in message
    working = write("mail_metrics", read_example()[0])
    instrumentation.install([path, working])
    assert f"INSTRUMENT {path} cannot be installed" in caplog.text
    send("anna@example.com")
    assert captured_metrics.find("mail.send.duration")
    instrumentation.uninstall()


def test_the_check_does_not_repeat_the_message_of_a_module_that_raises(write: Write) -> None:
    path = write("leaking", "raise ValueError('example-secret')\n")
    assert messages(path) == [f"INSTRUMENT '{path}' cannot be used: ValueError."]


def test_one_whose_install_raises_is_logged(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    instrumentation.install([write("raising", "def install(): raise OSError('no library')\ndef uninstall(): ...\n")])
    assert "OSError: no library" in caplog.text
    instrumentation.uninstall()
