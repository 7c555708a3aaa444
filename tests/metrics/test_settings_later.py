"""Samples that come before the Django settings wait for them; settings that cannot be loaded raise nothing."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.metrics.agents import agent

BASE = """
from zemanta_ops import metrics
metrics.incr("while.loading", 2, part="base")
import threading
worker = threading.Thread(target=lambda: metrics.incr("from.thread"))
worker.start(); worker.join(5)
print("thread ended:", not worker.is_alive(), flush=True)
"""
SETTINGS = """
from base import *
SECRET_KEY = "x"
INSTALLED_APPS = ["zemanta_ops"]
ZEMANTA_OPS = {"METRICS": {"ENABLED": True, "PORT": PORT, "PREFIX": "shop", "TAGS": {"env": "prod"}, "HOST_TAG": None}}
metrics.gauge("while.loading.too", 5)
"""


def run(body: str, folder: Path, module: str = "later_settings", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)],
        env={"DJANGO_SETTINGS_MODULE": module, "PYTHONPATH": f"{folder}:{Path.cwd()}", **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    "body",
    [
        "import django; django.setup()",
        "from zemanta_ops import metrics; metrics.incr('first'); import django; django.setup()",
        "from django.conf import settings; settings.DEBUG; from zemanta_ops import metrics; metrics.incr('after')",
        "from zemanta_ops import metrics; metrics.incr('only')",
    ],
    ids=["setup", "an emit first", "settings without setup", "an emit alone"],
)
def test_samples_emitted_while_settings_load_are_sent_as_the_settings_say(body: str, tmp_path: Path) -> None:
    with agent() as listener:
        (tmp_path / "base.py").write_text(BASE)
        (tmp_path / "later_settings.py").write_text(SETTINGS.replace("PORT,", f"{listener.port},"))
        done = run(body, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "thread ended: True\n"
        found = {(each.name, float(each.value), tuple(sorted(each.tags.items()))) for each in listener.samples()}
    env = ("env", "prod")
    assert ("shop.while.loading", 2.0, (env, ("part", "base"))) in found
    assert ("shop.while.loading.too", 5.0, (env,)) in found
    assert ("shop.from.thread", 1.0, (env,)) in found
    assert all(name.startswith("shop.") for name, _, _ in found)


@pytest.mark.parametrize(
    ("module", "text"),
    [("absent_settings", ""), ("broken", "raise RuntimeError('x')"), ("empty", ""), ("wrong", "import nowhere")],
)
def test_a_settings_module_that_cannot_be_loaded_raises_nothing(module: str, text: str, tmp_path: Path) -> None:
    if module != "absent_settings":
        (tmp_path / f"{module}.py").write_text(text)
    with agent() as listener:
        body = """
        from zemanta_ops import metrics
        for name in ("a", "b"):
            metrics.incr(name); metrics.gauge(name, 1); metrics.timing(name, 1); metrics.decr(name)
            metrics.histogram(name, 1); metrics.unique(name, "x")
            with metrics.timer(name): pass
        """
        done = run(body, tmp_path, module, ZEMANTA_OPS_METRICS_PORT=str(listener.port))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert {"a", "b"} <= {each.name for each in listener.samples()}


def test_what_settings_emit_before_they_fail_is_sent_at_the_end_as_the_environment_says(tmp_path: Path) -> None:
    with agent() as listener:
        (tmp_path / "base.py").write_text(BASE)
        (tmp_path / "later_settings.py").write_text(f"{SETTINGS.replace('PORT,', '1,')}\nraise LookupError\n")
        body = """
            import contextlib, django
            with contextlib.suppress(LookupError):
                django.setup()
        """
        done = run(body, tmp_path, ZEMANTA_OPS_METRICS_PORT=str(listener.port))
        assert (done.returncode, done.stderr) == (0, "")
        assert {sample.name: sample.value for sample in listener.samples()} == {
            "while.loading": 2,
            "from.thread": 1,
            "while.loading.too": 5.0,
        }


def test_settings_that_are_configured_later_are_followed(tmp_path: Path) -> None:
    with agent() as listener:
        body = f"""
        from zemanta_ops import metrics
        metrics.incr("early")
        from django.conf import settings
        settings.configure(INSTALLED_APPS=["zemanta_ops"], ZEMANTA_OPS={{"METRICS": {{
            "PORT": {listener.port}, "PREFIX": "shop", "HOST_TAG": None}}}})
        import django; django.setup()
        metrics.incr("late")
        """
        done = run(body, tmp_path, "")
        assert (done.returncode, done.stderr) == (0, "")
        assert [each.name for each in listener.samples()] == ["shop.late"]
