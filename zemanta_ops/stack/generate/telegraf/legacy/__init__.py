"""Dotted names of before, such as ``z1.prod.web-1.view.GET.home.200``: declared, made Telegraf templates, explained."""

from __future__ import annotations

from zemanta_ops.stack.generate.telegraf.legacy.declared import LegacyError, declared_patterns, problems
from zemanta_ops.stack.generate.telegraf.legacy.explain import Outcome, explain
from zemanta_ops.stack.generate.telegraf.legacy.patterns import Pattern, parse
from zemanta_ops.stack.generate.telegraf.legacy.templates import templates

__all__ = [
    "LegacyError",
    "Outcome",
    "Pattern",
    "declared_patterns",
    "explain",
    "parse",
    "problems",
    "templates",
]
