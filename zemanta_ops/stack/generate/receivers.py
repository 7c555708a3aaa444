"""Who is notified, as far as files for other programs may know it: no credential is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zemanta_ops import parsing
from zemanta_ops.conf import conf
from zemanta_ops.stack.declarations.names import to_slug
from zemanta_ops.stack.generate.files import IsSecret

PAGERDUTY, WEBHOOK, EMAIL = "pagerduty", "webhook", "email"
_BACKENDS = (PAGERDUTY, WEBHOOK, EMAIL)
_PAGERDUTY_URL = "https://events.pagerduty.com"


@dataclass(frozen=True)
class Receiver:
    """One receiver.

    Attributes:
        name: Its name in the settings.
        backend: How it is notified: pagerduty, webhook or email.
        url: Of PagerDuty, its address. That of a webhook may have a token in it, and is left out.
        addresses: Of e-mail, the recipients.
        only_crit: Whether it is not notified of warnings.

    """

    name: str
    backend: str
    url: str = ""
    addresses: tuple[str, ...] = ()
    only_crit: bool = False

    @property
    def slug(self) -> str:
        """Its name in lower-case letters, digits and dashes."""
        return to_slug(self.name) or "receiver"

    @property
    def variable(self) -> str:
        """The end of the names of environment variables for it."""
        return self.slug.replace("-", "_").upper()


def read_receivers(is_secret: IsSecret) -> tuple[list[Receiver], list[str]]:
    """Return the receivers that other programs can notify, and a sentence for each of the rest."""
    given = conf.alerts.receivers
    receivers: dict[str, Receiver] = {}
    warnings = []
    for name, options in sorted(given.items()):
        try:
            parsing.accept_label(name)
        except ValueError as error:
            warnings.append(f"a receiver is left out: its name {error}. Run: manage.py check")
            continue
        receiver = _read(name, options, is_secret)
        place = f"the receiver {name!r}"
        if receiver is None:
            warnings.append(
                f"{place} is left out: only pagerduty, webhook and email can be generated. Use check_alerts"
            )
        elif receiver.slug in receivers:
            warnings.append(f"{place} is left out: its name is too like that of another. Rename it")
        else:
            receivers[receiver.slug] = receiver
    if not receivers:
        warnings.append("no receiver is configured: alerts notify nobody. Set ZEMANTA_OPS ALERTS RECEIVERS")
    return list(receivers.values()), warnings


def _read(name: str, options: Any, is_secret: IsSecret) -> Receiver | None:
    backend = str(options.get("BACKEND")) if isinstance(options, Mapping) else ""
    if backend not in _BACKENDS:
        return None
    url = options.get("URL") if backend == PAGERDUTY else ""
    shown = url if isinstance(url, str) and url and not is_secret(url) else _PAGERDUTY_URL
    return Receiver(
        name,
        backend,
        shown.rstrip("/") if backend == PAGERDUTY else "",
        _read_addresses(options.get("TO")) if backend == EMAIL else (),
        options.get("LEVEL") == "crit",
    )


def _read_addresses(given: Any) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, (list, tuple)) else ()
    return tuple(each.strip() for each in parts if isinstance(each, str) and "@" in each)
