"""Test kit: record metrics instead of sending them, assert on them, fake secrets, assert that none leaks.

>>> from zemanta_ops.testing import ANY, capture_metrics
>>> from zemanta_ops import metrics
>>> with capture_metrics() as recorded:
...     metrics.incr("signup", plan="pro")
>>> recorded.assert_incr("signup", plan=ANY)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY, patch

from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.series.series import COUNTER, KIND_NAMES, Series
from zemanta_ops.metrics.series.tags import clean_name, clean_value
from zemanta_ops.secrets import modes
from zemanta_ops.secrets.redaction.leaks import assert_no_secret_leaks

__all__ = ["ANY", "Record", "Recorder", "assert_no_secret_leaks", "capture_metrics", "fake_secrets"]


@dataclass(frozen=True)
class Record:
    """One sample: ``kind`` is counter, gauge, timing (in ms), histogram or set; the tags are those of the call.

    The value of ``gauge(…, delta=True)`` is a 1-tuple.
    """

    kind: str
    name: str
    value: Any
    tags: dict[str, str]

    def __str__(self) -> str:
        tags = "".join(f", {key}={value!r}" for key, value in self.tags.items())
        return f"{self.kind} {self.name} = {self.value!r}{tags}"


@dataclass
class Recorder:
    """The samples emitted inside ``capture_metrics()``, in order.

    In every method, a tag may be ANY: the record has the tag, with any value. It may be None: the record does not have
    the tag. Tags that are not named may have any value or be absent. Names and values are compared as they were passed
    to the call, so ``app:view`` matches ``app:view`` although it is sent as ``app_view``.
    """

    records: list[Record] = field(default_factory=list)

    def put(self, series: Series, value: Any) -> None:
        """Record a sample, and the counter that accompanies a timing."""
        self.records.append(Record(KIND_NAMES[series.kind], series.name, value, dict(series.tags)))
        if series.companion is not None:
            companion = series.companion
            self.records.append(Record(KIND_NAMES[COUNTER], companion.name, 1, dict(companion.tags)))

    def clear(self) -> None:
        """Delete what was recorded so far."""
        self.records.clear()

    def find(self, name: str, /, **tags: Any) -> list[Record]:
        """Return the records of this name, of any kind, with these tags."""
        wanted = clean_name(name)
        return [record for record in self.records if record.name == wanted and _match(record.tags, tags)]

    def assert_incr(self, name: str, count: Any = ANY, /, **tags: Any) -> None:
        """Assert that a counter was changed; with ``count``, that the sum of the changes equals it."""
        self._assert("counter", name, tags, count, lambda values: [sum(values)])

    def assert_gauge(self, name: str, value: Any = ANY, /, **tags: Any) -> None:
        """Assert that a gauge was set; with ``value``, that the last value equals it. A delta is a 1-tuple."""
        self._assert("gauge", name, tags, value, lambda values: values[-1:])

    def assert_timing(self, name: str, seconds: Any = ANY, /, **tags: Any) -> None:
        """Assert that a duration was recorded; with ``seconds`` (or ``pytest.approx(…)``), that one equals it."""
        self._assert("timing", name, tags, seconds, lambda values: [value / 1000 for value in values])

    def assert_histogram(self, name: str, value: Any = ANY, /, **tags: Any) -> None:
        """Assert that a value was recorded in a histogram."""
        self._assert("histogram", name, tags, value, lambda values: values)

    def assert_unique(self, name: str, value: Any = ANY, /, **tags: Any) -> None:
        """Assert that a member was added to a set."""
        wanted = value if value is ANY else clean_value(value)
        self._assert("set", name, tags, wanted, lambda values: values)

    def assert_not_emitted(self, name: str, /, **tags: Any) -> None:
        """Assert that no metric of this name, of any kind, was emitted with these tags."""
        if self.find(name, **tags):
            raise AssertionError(f"{_describe(name, ANY, tags)} was emitted.\n{self._list_records()}")

    def _assert(
        self, kind: str, name: str, tags: dict[str, Any], wanted: Any, read: Callable[[list[Any]], list[Any]]
    ) -> None:
        values = [record.value for record in self.find(name, **tags) if record.kind == kind]
        if not values or (wanted is not ANY and not any(value == wanted for value in read(values))):
            raise AssertionError(f"no {kind} {_describe(name, wanted, tags)} was emitted.\n{self._list_records()}")

    def _list_records(self) -> str:
        return "\n".join(
            ["Recorded:", *(f"  {record}" for record in self.records)] if self.records else ["Nothing was recorded."]
        )


def _match(tags: dict[str, str], wanted: dict[str, Any]) -> bool:
    return all(_match_one(tags.get(key), value) for key, value in wanted.items())


def _match_one(found: str | None, wanted: Any) -> bool:
    if wanted is ANY:
        return found is not None
    return found == (clean_value(wanted) or None if wanted is not None else None)


def _describe(name: str, value: Any, tags: dict[str, Any]) -> str:
    what = name if value is ANY else f"{name} = {value!r}"
    return what + "".join(f", {key}={tag!r}" for key, tag in tags.items())


@contextmanager
def capture_metrics() -> Iterator[Recorder]:
    """Record every metric emitted in the block, by any thread, instead of sending it."""
    # Otherwise the cardinality guard would count across tests, and replace a late tag with _other.
    default_client.reload()
    recorder = Recorder()
    with default_client.capture(recorder.put):
        yield recorder


@contextmanager
def fake_secrets() -> Iterator[None]:
    """Give every secret that is decrypted in the block a random value, the same for the same token, without any key.

    This is for secrets that code decrypts while it runs. Those in settings are decrypted before any test: for them, set
    ``ZEMANTA_OPS_SECRETS=fake`` in the environment, or ``zemanta_ops_secrets = fake`` in pytest's configuration.
    """
    with patch.dict(os.environ, {modes.VARIABLE: modes.FAKE}):
        yield
