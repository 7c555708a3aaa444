"""Legacy dotted names, such as ``z1.prod.web-1.view.GET.home.200``: declare, render Telegraf templates, explain."""

from __future__ import annotations

from zemanta_ops.stack.generate.telegraf.legacy.declaration import LegacyError, list_problems, read_patterns
from zemanta_ops.stack.generate.telegraf.legacy.explanation import Explanation, explain_name
from zemanta_ops.stack.generate.telegraf.legacy.patterns import Pattern, parse_pattern, render_templates

__all__ = [
    "Explanation",
    "LegacyError",
    "Pattern",
    "explain_name",
    "list_problems",
    "parse_pattern",
    "read_patterns",
    "render_templates",
]
