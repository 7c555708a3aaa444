"""Fixtures for the whole suite, isolation of its tests, and how many examples Hypothesis makes."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.coverage_data import remove_torn

pytest_plugins = ["tests.servers.fixtures"]

# No deadlines: on a busy machine an example may take any time. `make test` tries the same examples in every run,
# `make test-more` searches for new ones.
settings.register_profile("test", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("more", deadline=None, max_examples=1000)
settings.load_profile("test")


def pytest_configure() -> None:
    """Hear Ctrl-C and the end of the terminal, which shells and ``nohup`` make background jobs ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Remove the half-written data files of coverage; being the innermost wrapper, it comes before the combining."""
    result = yield
    if session.config.pluginmanager.hasplugin("_cov") and not hasattr(session.config, "workerinput"):
        remove_torn(Path(os.environ.get("COVERAGE_FILE", ".coverage")))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail the import of a test module that leaves anything registered: it would be there for every other test."""
    from tests import registries  # imports Django's models, which pytest-django sets up first

    registries.load_lazy()
    snapshot = registries.Snapshot()
    report = yield
    if changed := snapshot.restore():
        report.outcome = "failed"
        report.longrepr = "\n".join([f"The import of {collector.nodeid} changed:", *changed])
    return report


def _assert_nothing_left(scope: str) -> Iterator[None]:
    from tests import registries

    snapshot = registries.Snapshot()
    yield
    if changed := snapshot.restore():
        pytest.fail("\n".join([f"The {scope} changed for all that run after it:", *changed]), pytrace=False)


@pytest.fixture(autouse=True)
def _test_leaves_nothing() -> Iterator[None]:
    yield from _assert_nothing_left("test")


@pytest.fixture
def monkeypatch(_test_leaves_nothing: None) -> Iterator[pytest.MonkeyPatch]:
    """Patch as pytest's own fixture does; what is patched is put back before the registries are compared."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(autouse=True, scope="module")
def _module_leaves_nothing() -> Iterator[None]:
    yield from _assert_nothing_left("fixtures of the module")
