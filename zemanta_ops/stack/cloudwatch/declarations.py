"""What to fetch: declarations of metrics, read from the settings or from TOML, and every mistake in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from zemanta_ops.stack.cloudwatch.names import describe_repeated_tags, name_field
from zemanta_ops.stack.cloudwatch.windows import DAY, KEPT

OWN = "own"  # among roles: the identity of the process itself
PERIODS_BELOW_A_MINUTE = (1, 5, 10, 20, 30)
STATISTICS = ("Average", "IQM", "Maximum", "Minimum", "SampleCount", "Sum")

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
_NUMBER = r"\d+(\.\d{1,10})?"
_STATISTIC = re.compile(
    rf"(p|tm|wm|tc|ts)(\d{{1,2}}(\.\d{{1,10}})?|100)|(TM|WM|TC|TS)\(({_NUMBER}%?)?:({_NUMBER}%?)?\)"
    rf"|PR\(({_NUMBER})?:({_NUMBER})?\)"
)
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#: -]{1,255}")
_REGION = re.compile(r"[a-z]{2,10}(-[a-z0-9]{1,20}){1,4}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}")
_RESOURCE_TYPE = re.compile(r"[a-z0-9-]+(:[A-Za-z0-9/_-]+)?")


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric of a namespace with the statistics to fetch; the texts are for people and dashboards.

    ``optional`` means that it may be missing: CloudWatch has no errors of a server that had none.
    """

    name: str
    statistics: tuple[str, ...]
    unit: str = ""
    meaning: str = ""
    reason: str = ""
    optional: bool = False

    def list_fields(self) -> list[str]:
        """Return the names of the fields in the database."""
        return [name_field(self.name, statistic) for statistic in self.statistics]


@dataclass(frozen=True)
class Declaration:
    """Metrics of one namespace with one exact set of dimension names.

    Attributes:
        name: What the report calls it.
        namespace: For example ``AWS/RDS``.
        dimensions: Each dimension's name with the patterns that its value may match; ``*`` and ``?`` are wildcards.
        metrics: The metrics and their statistics.
        period: Seconds that one point covers.
        look_back: Seconds that a point may be late and still be fetched.
        every: Seconds between two runs.
        enabled: Whether to fetch it at all.
        recently_active: Ask only for metrics that had data in the last three hours.
        optional: Report nothing if no metric matches.
        linked_accounts: Include the accounts that share their metrics with this one.
        regions: The regions to ask.
        roles: ARNs of the roles to assume, or ``own``.
        resource_type: What AWS calls the resources of the first dimension, such as ``rds:db``.
        resource_tags: The AWS tags of these resources that become tags of the series.
        tags: Tags on every series.

    """

    name: str
    namespace: str
    dimensions: tuple[tuple[str, tuple[str, ...]], ...]
    metrics: tuple[DeclaredMetric, ...]
    period: int = 60
    look_back: int = 1_800
    every: int = 300
    enabled: bool = True
    recently_active: bool = True
    optional: bool = False
    linked_accounts: bool = False
    regions: tuple[str, ...] = ()
    roles: tuple[str, ...] = (OWN,)
    resource_type: str = ""
    resource_tags: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


class DeclarationError(ValueError):
    """Declarations cannot be used; ``faults`` has a sentence for each mistake."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(self.faults))


class DeclarationReader:
    """Converts mappings to declarations and collects the faults, each with its place.

    Args:
        place: Where the mappings are, for the faults: ``ZEMANTA_OPS["CLOUDWATCH"]`` or a file.
        spell: Returns how a key is written there: ``str.upper`` in Django's settings.

    """

    def __init__(self, place: str, spell: Callable[[str], str] = str) -> None:
        self.place = place
        self.spell = spell
        self.faults: list[str] = []

    def read(
        self,
        name: str,
        given: Mapping[str, Any],
        base: Declaration | None = None,
        shared: Mapping[str, Any] | None = None,
        alike: Iterable[str] = (),
    ) -> Declaration | None:
        """Return the declaration, or None if there is a fault.

        Args:
            name: Its name.
            given: Its keys as they are written.
            base: The declaration whose values are used if ``given`` has none.
            shared: Values, already read, that count before those of ``base``.
            alike: The names of which ``name`` may be a misspelling.

        """
        place = f"{self.place}: {name}"
        before = len(self.faults)
        values = self._read_keys(place, given)
        if base is None:
            missing = [key for key in map(self.spell, ("namespace", "dimensions", "metrics")) if key not in given]
            unknown = f"{place}: there is no such declaration. {suggest(name, alike)}"
            self.faults += [unknown] if len(missing) == 3 and alike else [f"{place} has no {key}" for key in missing]
        if len(self.faults) > before:
            return None
        values = {**(shared or {}), **values}
        made = replace(base, name=name, **values) if base else Declaration(name=name, **values)
        if self.spell("resource_tags") not in given and not made.resource_type:
            made = replace(made, resource_tags=())
        if made.enabled:
            self.faults += [f"{place}: {fault}" for fault in _find_contradictions(made, self.spell)]
        return made if len(self.faults) == before else None

    def read_options(self, given: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
        """Return the values of the keys that hold for all declarations."""
        return self._read_keys(self.place, given, tuple(allowed))

    def _read_keys(self, place: str, given: Mapping[str, Any], allowed: Iterable[str] = ()) -> dict[str, Any]:
        known = {self.spell(key): key for key in tuple(allowed) or tuple(KEYS)}
        values = {}
        for spelled, raw in given.items():
            if spelled not in known:
                self.faults.append(f"{place} has no key {str(spelled)!r}. {suggest(str(spelled), known)}")
                continue
            key = known[spelled]
            try:
                values[key] = _accept_metrics(raw, self.spell) if key == "metrics" else KEYS[key](raw)
            except ValueError as error:
                self.faults.append(f"{place}: {spelled} {error}")
        return values


def suggest(wrong: str, known: Iterable[str]) -> str:
    """Return a question with the nearest known name, or a sentence that lists all of them."""
    known = sorted(known)
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(wrong.lower(), by_lower, n=1, cutoff=0.5)
    return f"Did you mean {by_lower[near[0]]}?" if near else f"Known: {', '.join(known)}."


def _accept_namespace(raw: Any) -> str:
    return _match(_NAMESPACE, raw, "must be a namespace of CloudWatch, such as AWS/RDS")


def _accept_dimensions(raw: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(raw, Mapping) or not all(isinstance(name, str) and name for name in raw):
        raise ValueError('must map the name of each dimension to a pattern, such as {"QueueName": "*"}')
    return tuple((name, _accept_texts(patterns)) for name, patterns in raw.items())


def _accept_metrics(raw: Any, spell: Callable[[str], str] = str) -> tuple[DeclaredMetric, ...]:
    if not isinstance(raw, Mapping) or not raw or not all(isinstance(name, str) and name for name in raw):
        raise ValueError('must map the name of each metric to statistics, such as {"CPUUtilization": "Average"}')
    return tuple(_accept_metric(name, given, spell) for name, given in raw.items())


def _accept_metric(name: str, given: Any, spell: Callable[[str], str]) -> DeclaredMetric:
    known = {spell(field.name): field.name for field in fields(DeclaredMetric)[1:]}
    texts = given if isinstance(given, Mapping) else {spell("statistics"): given}
    for key in texts:
        if key not in known:
            raise ValueError(f"has no key {str(key)!r} in {name}. {suggest(str(key), known)}")
    values = {known[key]: value for key, value in texts.items()}
    statistics = _accept_texts(values.pop("statistics", ()))
    for each in statistics:
        if each not in STATISTICS and not _STATISTIC.fullmatch(each):
            raise ValueError(f"of {name} has no statistic {each!r}. {suggest(each, (*STATISTICS, 'p99'))}")
    if not statistics or len(set(statistics)) < len(statistics):
        raise ValueError(f"must give {name} at least one statistic, and none twice")
    optional = _accept_switch(values.pop("optional", False))
    return DeclaredMetric(name, statistics, **{key: str(value) for key, value in values.items()}, optional=optional)


def _accept_period(raw: Any) -> int:
    seconds = _accept_seconds(raw)
    if seconds not in PERIODS_BELOW_A_MINUTE and (seconds % 60 or seconds > DAY):
        raise ValueError("must be 1, 5, 10, 20, 30 or a multiple of 60 up to 86400 seconds")
    return seconds


def _accept_seconds(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise ValueError("must be a whole number of seconds, at least 1")
    return raw


def _accept_switch(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise ValueError("must be true or false")
    return raw


def _accept_texts(raw: Any) -> tuple[str, ...]:
    if isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, (list, tuple)) or not all(isinstance(each, str) and each for each in raw):
        raise ValueError("must be a string or a list of strings")
    return tuple(raw)


def _accept_regions(raw: Any) -> tuple[str, ...]:
    return tuple(_match(_REGION, each, "must name AWS regions, such as eu-west-1") for each in _accept_texts(raw))


def _accept_roles(raw: Any) -> tuple[str, ...]:
    wrong = f"must be ARNs of IAM roles, or {OWN!r} for the identity of the process"
    return tuple(each if each == OWN else _match(_ROLE, each, wrong) for each in _accept_texts(raw))


def _accept_tags(raw: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(raw, Mapping) or not all(_is_tag_text(each) for pair in raw.items() for each in pair):
        raise ValueError('must map names to values of printable characters, such as {"env": "production"}')
    return tuple(raw.items())


def _is_tag_text(raw: Any) -> bool:
    """Return whether the line protocol can represent a text in a tag, so that it does not refuse what is paid for."""
    return isinstance(raw, str) and bool(raw) and raw.isprintable() and not raw.endswith("\\")


def _match(pattern: re.Pattern[str], raw: Any, wrong: str) -> str:
    if not isinstance(raw, str) or not pattern.fullmatch(raw):
        raise ValueError(wrong)
    return raw


KEYS: dict[str, Callable[[Any], Any]] = {
    "namespace": _accept_namespace,
    "dimensions": _accept_dimensions,
    "metrics": _accept_metrics,
    "period": _accept_period,
    "look_back": _accept_seconds,
    "every": _accept_seconds,
    "enabled": _accept_switch,
    "recently_active": _accept_switch,
    "optional": _accept_switch,
    "linked_accounts": _accept_switch,
    "regions": _accept_regions,
    "roles": _accept_roles,
    "resource_type": lambda raw: _match(_RESOURCE_TYPE, raw, "must be a resource type of AWS, such as rds:db"),
    "resource_tags": _accept_texts,
    "tags": _accept_tags,
}


def _find_contradictions(made: Declaration, spell: Callable[[str], str]) -> list[str]:
    """Return what is wrong with values that are right by themselves."""
    faults = []
    if made.look_back < made.period:
        faults.append(f"{spell('look_back')} is shorter than the period of {made.period} s")
    age = next(limit for limit, finest in reversed(KEPT) if finest <= made.period)
    if made.look_back > age:
        hours = age // 3600
        faults.append(
            f"CloudWatch keeps a period of {made.period} s for {hours} hours only: shorten {spell('look_back')}"
        )
    if made.resource_tags and not made.resource_type:
        faults.append(f"{spell('resource_tags')} needs {spell('resource_type')}, such as rds:db")
    faults += describe_repeated_tags(dict(made.dimensions), dict(made.tags), made.resource_tags)
    stored = [field for metric in made.metrics for field in metric.list_fields()]
    if doubled := sorted({field for field in stored if stored.count(field) > 1}):
        faults.append(f"two statistics have the same field: {', '.join(doubled)}")
    return faults
