"""Fixtures for the whole suite, and how many examples Hypothesis makes."""

import signal

from hypothesis import settings

pytest_plugins = ["tests.servers.fixtures"]

# No deadlines: on a busy machine an example may take any time. `make test` tries the same examples in every run,
# `make test-more` searches for new ones.
settings.register_profile("test", deadline=None, derandomize=True)
settings.register_profile("more", deadline=None, max_examples=1000)
settings.load_profile("test")


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell starts what it runs in the background deaf to it, and its children would be deaf as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
