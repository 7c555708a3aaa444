"""The pytest plugin: the fixture ``captured_metrics``, the mode of secrets in test runs, and redacted reports.

It is loaded in every pytest run of an environment that has the package, so it imports secrets and metrics only on use.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zemanta_ops.testing import Recorder


SECRETS = "ZEMANTA_OPS_SECRETS"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini option that makes a suite run without any key."""
    parser.addini(
        "zemanta_ops_secrets", f"value of {SECRETS} if the environment has none, for example fake", default=""
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Set the mode of the secrets. A wrapper runs before the other plugins, one of which loads the settings."""
    mode = early_config.getini("zemanta_ops_secrets")
    if mode:
        os.environ.setdefault(SECRETS, mode)
    outcome: Any = yield
    # A conftest.py that cannot be imported: pytest prints the cause itself.
    failure: Any = outcome.excinfo[1] if outcome.excinfo else None
    cause = getattr(failure, "cause", None)
    errors = sys.modules.get("zemanta_ops.secrets.redaction.errors")
    if errors is not None and isinstance(cause, BaseException):
        failure.cause = errors.redact_exc_info((type(cause), cause, cause.__traceback__))[1]


# First of the wrappers: others, such as that for captured output, add to the report.
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Redact the report of a test: with real secrets, tracebacks, variables and captured output have plaintexts."""
    outcome: Any = yield
    _redact_report(outcome.get_result())


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Redact the report of a module that cannot be imported, or of a folder."""
    outcome: Any = yield
    _redact_report(outcome.get_result())


@pytest.hookimpl(tryfirst=True)
def pytest_make_parametrize_id(val: Any) -> str | None:
    """Redact a parameter that is a secret: its id is in the name of the test, and so in pytest's cache."""
    values = _find_redaction()
    clean = values.redact(val) if values and isinstance(val, str) else val
    return None if clean is val else str(clean)


def _find_redaction() -> Any:
    # Without a secret, nothing has loaded it. Values of fake mode are not secrets.
    return None if os.environ.get(SECRETS) == "fake" else sys.modules.get("zemanta_ops.secrets.redaction.values")


def _redact_report(report: Any) -> None:
    values = _find_redaction()
    if values is None:
        return
    if isinstance(report.longrepr, tuple):
        report.longrepr = values.redact_value(report.longrepr)
    elif report.longrepr is not None:
        text = str(report.longrepr)
        clean = values.redact(text)
        # As text it has no colors, so it stays what it is if nothing is redacted.
        if clean is not text:
            report.longrepr = clean
    report.sections = [(name, values.redact(content)) for name, content in report.sections]
    for name in ("wasxfail", "user_properties"):
        if hasattr(report, name):
            setattr(report, name, values.redact_value(getattr(report, name)))


@pytest.fixture
def captured_metrics() -> Iterator[Recorder]:
    """Record the metrics that the test emits; see ``zemanta_ops.testing.Recorder`` for the assertions."""
    from zemanta_ops.testing import capture_metrics

    with capture_metrics() as recorder:
        yield recorder
