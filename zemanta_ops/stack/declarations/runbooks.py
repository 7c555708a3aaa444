"""Where an alert leads: to the runbook that it names, or to its section of the generated page."""

from __future__ import annotations

import zlib

from zemanta_ops.conf import conf
from zemanta_ops.stack.declarations.model import Alert, Objective
from zemanta_ops.stack.declarations.names import to_slug


def name_anchor(declaration: Alert | Objective) -> str:
    """Return the anchor of an alert or objective on the generated page."""
    is_alert = isinstance(declaration, Alert)
    name = declaration.key if isinstance(declaration, Alert) else declaration.name
    slug = to_slug(name) or f"{zlib.crc32(name.encode('utf-8', 'replace')):08x}"
    return f"{'alert' if is_alert else 'objective'}-{slug}"


def find_runbook(declaration: Alert | Objective) -> str:
    """Return the address of the runbook; empty if there is none."""
    if declaration.runbook or not conf.alerts.runbooks:
        return declaration.runbook
    return f"{conf.alerts.runbooks}#{name_anchor(declaration)}"
