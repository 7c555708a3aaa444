"""Reports of pytest show no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets.redaction.processes import CANARY

TEST = """
import os
from zemanta_ops.secrets import Secret

def test_it(capsys):
    value = Secret(os.environ["CANARY_TOKEN"]).get()
    print("captured", value)
    nested = {"url": [value]}
    assert value == "something else", f"it is {value}"

def test_well():
    assert True

def test_skipped():
    import pytest
    pytest.skip(Secret(os.environ["CANARY_TOKEN"]).get())
"""


@pytest.mark.parametrize("options", [["--showlocals", "--tb=long", "-rA"], ["-n1", "--tb=short"]], ids=str)
def test_the_output_of_pytest_is_redacted(options: list[str], environment: dict[str, str], home: Path) -> None:
    (home / "test_site.py").write_text(TEST)
    arguments = ["-p", "no:cacheprovider", "-p", "no:django", "--junitxml=out.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, *options, "test_site.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 1 passed, 1 skipped" in done.stdout, done.stdout + done.stderr
    assert "it is <redacted>" in done.stdout
    for text in (done.stdout, done.stderr, (home / "out.xml").read_text()):
        assert CANARY not in text


NAMES = """
import os
import pytest
from zemanta_ops.secrets import Secret

VALUE = Secret(os.environ["CANARY_TOKEN"]).get()

@pytest.mark.parametrize("value", [VALUE, "url-" + VALUE, "harmless", 4711])
def test_parameter(value):
    assert not value

def test_expected():
    pytest.xfail("because of " + VALUE)

def test_property(record_property):
    record_property("value", VALUE)
"""


def test_names_reasons_and_properties_of_tests_are_redacted(environment: dict[str, str], home: Path) -> None:
    (home / "test_site.py").write_text(NAMES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:django", "--junitxml=out.xml", "-v", "-rA", "test_site.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 failed, 1 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
    for name in ("<redacted>", "url-<redacted>", "harmless", "4711"):
        assert f"test_parameter[{name}] FAILED" in done.stdout
    assert "because of <redacted>" in done.stdout
    kept = [path.read_text() for path in (home / ".pytest_cache").rglob("*") if path.is_file()]
    for text in (done.stdout, done.stderr, (home / "out.xml").read_text(), *kept):
        assert CANARY not in text


BROKEN = """
import os, sys
from zemanta_ops.secrets import Secret
if "conftest" not in __name__:
    print("prints", Secret(os.environ["CANARY_TOKEN"]).get())
raise ValueError("cannot use " + Secret(os.environ["CANARY_TOKEN"]).get())
"""


@pytest.mark.parametrize("name", ["test_site.py", "conftest.py"])
def test_a_module_that_cannot_be_imported_is_reported_without_a_secret(
    name: str, environment: dict[str, str], home: Path
) -> None:
    (home / "test_site.py").write_text(TEST)
    (home / name).write_text(BROKEN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:django", "test_site.py"],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "cannot use" in done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_random_values_are_not_redacted_by_pytest(environment: dict[str, str], home: Path) -> None:
    (home / "test_site.py").write_text(TEST)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:django", "test_site.py"],
        cwd=home,
        env={**environment, "ZEMANTA_OPS_SECRETS": "fake"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "it is fake-" in done.stdout
