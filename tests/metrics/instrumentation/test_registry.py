from __future__ import annotations

import os
import pkgutil
import subprocess
import sys

from tests.servers.process import untraced
from zemanta_ops.metrics import instrumentation
from zemanta_ops.metrics.instrumentation import commands, http
from zemanta_ops.testing import Recorder

PROBE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))  # as if not installed
from django.conf import settings
settings.configure(INSTALLED_APPS=["zemanta_ops"], ZEMANTA_OPS={
    "METRICS": {"INSTRUMENT": sys.argv[1].split(), "ENABLED": "off" not in sys.argv}})
import django
django.setup()
print(*sorted({"celery", "httpx", "requests"} & {name for name, module in sys.modules.items() if module}))
from tests.servers.process import untraced
from zemanta_ops.metrics import instrumentation
instrumentation.uninstall()
"""


def loaded(names: str, *missing: str) -> str:
    command = [sys.executable, "-c", PROBE, names, *missing]
    environment = {**untraced(), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout


def test_every_name_is_a_module_and_every_module_has_a_name() -> None:
    modules = {module.name for module in pkgutil.iter_modules(instrumentation.__path__)} - {"emitting", "patching"}
    assert modules == set(instrumentation.NAMES)
    for name in modules:
        assert callable(instrumentation.load(name).install)
        assert callable(instrumentation.load(name).uninstall)


def test_an_unknown_name_does_not_stop_the_others(captured_metrics: Recorder) -> None:
    instrumentation.install(["nonsense", "commands"])
    assert commands._PATCH.active
    instrumentation.uninstall()
    assert not commands._PATCH.active


def test_removing_what_was_never_installed_is_harmless() -> None:
    instrumentation.uninstall()
    assert all(not patch.active for patch in http._list_patches())


def test_the_app_installs_what_the_setting_names_and_imports_nothing_else() -> None:
    assert loaded("http").split() == ["httpx", "requests"]
    assert loaded("database nonsense").split() == []
    assert loaded("celery").split() == ["celery"]
    assert loaded("celery http", "off").split() == []


def test_libraries_that_are_missing_are_silently_left_out() -> None:
    assert loaded("http celery", "celery", "httpx", "requests", "urllib3").split() == []
    assert loaded("http celery", "requests").split() == ["celery", "httpx"]
