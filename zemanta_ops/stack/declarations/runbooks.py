"""Where an alert leads: to the runbook that it names, or to its section of the generated page."""

from __future__ import annotations

import re
import zlib

from zemanta_ops import parsing
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
    """Return the address of the runbook; empty if there is none that may be a link."""
    if declaration.runbook and is_page(declaration.runbook):
        return declaration.runbook
    return f"{conf.alerts.runbooks}#{name_anchor(declaration)}" if conf.alerts.runbooks else ""


def is_page(address: str) -> bool:
    """Return whether a text is the address of a page, of http or https and without credentials.

    Dashboards, messages and the page of runbooks make a link of it, so another scheme could run a script.
    """
    if not address.isprintable() or address != address.strip():
        return False
    try:
        # The page may have a query and a fragment, and blanks in its path.
        parsing.split_url(re.split("[?#]", address, maxsplit=1)[0].replace(" ", "%20"))
    except ValueError:
        return False
    return True
