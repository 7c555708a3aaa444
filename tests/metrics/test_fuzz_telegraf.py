"""Any name, any tag and any value in any public call: one meaning in the real database, or a counted drop.

What a call means is computed here from Python's own conversions, not by the encoder: ``int()`` for counters,
``float()`` for all else. Names and tags are compared with the documented replacements (tests/docs holds those).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.metrics.chain import Chain, State, assert_reaches
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.tags import clean_name, clean_tags
from zemanta_ops.metrics.statsd_adapter import StatsClient

INT64 = 2**63 - 1


def refuse(*args: Any) -> Any:
    raise RuntimeError("on purpose")


class Hostile:
    """Raises whatever it is asked."""

    __str__ = __float__ = __int__ = __index__ = __bool__ = __eq__ = __hash__ = refuse
    __len__ = __iter__ = __lt__ = __gt__ = __neg__ = __mul__ = __add__ = refuse


class Number:
    """What numpy's scalars are to this code: not a number's subclass, but with a ``__float__``."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


class Text(str):
    """A string whose methods return something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return refuse()  # type: ignore[no-any-return]


texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
floats = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 2.5, 1e-9])
integers = st.integers() | st.sampled_from([2**63 - 1, -(2**63) + 1, 2**63, 10**30, 10**400, -(10**400)])
numbers = st.one_of(
    floats, integers, st.booleans(), st.decimals(), st.fractions(), st.builds(Number, floats), st.complex_numbers()
)
odd = st.one_of(
    st.none(),
    st.binary(max_size=5),
    st.builds(Hostile),
    st.builds(Text, texts),
    st.builds(lambda: SimpleLazyObject(refuse)),
    st.builds(lambda text: gettext_lazy(text), st.text("ab:", min_size=1)),
    st.recursive(integers, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner)),
    st.timedeltas(),
    st.just(type),
)
anything = st.one_of(texts, numbers, odd)
# Fields and tags of one name are hard to tell apart in InfluxQL, which only this test has to.
fields = {"host", "count", "value", "seconds", "sum", "upper", "lower"}
# Arguments of the calls below, which cannot be tags.
arguments = {"delta", "prefix", "target", "self"}
keys = texts.filter(lambda key: key not in fields | arguments)


def as_float(value: Any) -> float | None:
    """Return the finite number that a value is, or None."""
    try:
        number = float(value)
    except Exception:
        return None
    return number if math.isfinite(number) else None


def counter(value: Any, sign: int = 1) -> dict[str, float] | None:
    exact = value if type(value) is int else as_float(value)
    return None if exact is None or abs(exact) > INT64 else {"value": sign * int(exact)}


def gauge(value: Any) -> dict[str, float] | None:
    number = as_float(value)
    return None if number is None else {"value": number}


def sizes(value: Any) -> dict[str, float] | None:
    number = as_float(value)
    if number is None or number < 0:
        return None
    return {"count": 1, "sum": number, "lower": number, "upper": number}


def milliseconds(value: Any) -> dict[str, float] | None:
    fields = sizes(value)
    if fields is None or not math.isfinite(fields["sum"]):
        return None
    rounded = float(f"{fields['sum']:.3f}")
    return {"count": 1, "sum": rounded, "lower": rounded, "upper": rounded}


def seconds(value: Any) -> dict[str, float] | None:
    if isinstance(type(value), type) and issubclass(type(value), timedelta):
        value = value.total_seconds()
    number = as_float(value)
    return None if number is None else milliseconds(number * 1000)


def members(value: Any) -> dict[str, float] | None:
    return {"value": 1} if value is not None and clean_tags({"k": value}) else None


class Call(NamedTuple):
    """A public call, the type that Telegraf notes, and what it means."""

    emit: Callable[[Client, Any, Any, dict[str, Any]], None]
    metric_type: str
    meaning: Callable[[Any], dict[str, float] | None]


CALLS = {
    "incr": Call(lambda c, n, v, t: c.incr(n, v, **t), "counter", counter),
    "decr": Call(lambda c, n, v, t: c.decr(n, v, **t), "counter", lambda value: counter(value, -1)),
    "gauge": Call(lambda c, n, v, t: c.gauge(n, v, **t), "gauge", gauge),
    "gauge delta": Call(lambda c, n, v, t: c.gauge(n, v, delta=True, **t), "gauge", gauge),
    "timing": Call(lambda c, n, v, t: c.timing(n, v, **t), "timing", seconds),
    "histogram": Call(lambda c, n, v, t: c.histogram(n, v, **t), "histogram", sizes),
    "unique": Call(lambda c, n, v, t: c.unique(n, v, **t), "set", members),
    "adapter incr": Call(lambda c, n, v, t: StatsClient(target=c, **t).incr(n, v), "counter", counter),
    "adapter timing": Call(
        lambda c, n, v, t: StatsClient(target=c, **t).timing(n, v),
        "timing",
        lambda value: seconds(value) if issubclass(type(value), timedelta) else milliseconds(value),
    ),
    "adapter gauge": Call(lambda c, n, v, t: StatsClient(target=c, **t).gauge(n, v), "gauge", gauge),
}

batches = st.lists(
    st.tuples(st.sampled_from(sorted(CALLS)), texts, anything, st.dictionaries(keys, anything, max_size=4)),
    min_size=60,
    max_size=120,
)
numbered = count(1)


# What a failure prints may be long.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
# Each example is a batch of calls, and a second of waiting for Telegraf and InfluxDB.
@settings(
    max_examples=max(4, settings().max_examples // 24),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.explicit],
)
@given(batch=batches)
def test_every_call_means_one_thing_or_is_counted(chain: Chain, batch: list[tuple[str, str, Any, Any]]) -> None:
    marker = f"fuzz{next(numbered)}x"
    client = Client(
        Options(port=chain.telegraf.port, dialect=chain.dialect, threads=False, flush_seconds=3600, report_seconds=3600)
    )
    client.incr("first")
    client.flush()  # the self-metrics go with the first flush
    before = client.health()["sent"]
    expected: State = {}
    for index, (name, text, value, tags) in enumerate(batch):
        call = CALLS[name]
        full = f"{marker}{index}_{text}"
        call.emit(client, full, value, tags)
        fields = call.meaning(value)
        if fields is not None:
            kept = {**clean_tags(tags), "metric_type": call.metric_type}
            kept.pop("host", None)
            expected[clean_name(full).replace(".", "_"), frozenset(kept.items())] = fields
    client.close()
    health = client.health()
    assert (health["sent"] - before, sum(health["dropped"].values())) == (len(expected), len(batch) - len(expected))
    assert set(health["dropped"]) <= {"invalid_value"}
    assert_reaches(lambda: chain.state(f"{marker}[0-9]"), expected)


# Made when they are needed: pytest would compare them.
NAMES: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "empty": lambda: "",
    "underscores": lambda: "___",
    "hostile": Hostile,
    "lazy": lambda: SimpleLazyObject(refuse),
    "number": lambda: Decimal("1.5"),
    "bytes": lambda: b"x",
    "cyrillic": lambda: "ж",
    "text": lambda: Text("x"),
}


@pytest.mark.parametrize("make", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_a_name_may_be_anything(call: Call, make: Callable[[], Any]) -> None:
    heard: list[str] = []
    client = Client(Options(enabled=False))
    with client.capture(lambda series, value: heard.append(series.name)):
        call.emit(client, make(), 1, {})
    assert heard == [clean_name(make())]
