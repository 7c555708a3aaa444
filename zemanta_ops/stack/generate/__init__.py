"""Generate configuration files from the settings: a registry of targets, one package per target.

A target is a module with ``generate(is_secret)``, which returns a ``Generated``. One of this package has one line in
``TARGETS``; a project adds its own with the setting ``GENERATE_TARGETS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from zemanta_ops.conf import conf
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError

__all__ = ["Generated", "GeneratedFile", "IsSecret", "SettingsError"]

TARGETS = {
    "compose": "zemanta_ops.stack.generate.compose",
    "grafana": "zemanta_ops.stack.generate.grafana",
    "kapacitor": "zemanta_ops.stack.generate.kapacitor",
    "runbooks": "zemanta_ops.stack.generate.runbooks",
    "telegraf": "zemanta_ops.stack.generate.telegraf",
    "victoriametrics": "zemanta_ops.stack.generate.victoriametrics",
}


class TargetModule(Protocol):
    """What the module of a target has."""

    def generate(self, is_secret: IsSecret) -> Generated:
        """Return the files; SettingsError if the settings cannot be used."""
        ...


def list_targets() -> Mapping[str, str]:
    """Return the dotted path of each target's module by its name; the project's own come last and win."""
    return {**TARGETS, **conf.metrics.generate_targets}


# What else some targets can generate: the option that asks for it, and the function of their module.
VARIANTS = {"grafana": {"alerts": "generate_alerts"}, "runbooks": {"markdown": "generate_markdown"}}


def generate(name: str, is_secret: IsSecret = lambda _: False, variant: str = "") -> Generated:
    """Return the files of one target.

    Args:
        name: One of ``list_targets()``.
        is_secret: Returns whether a text is a decrypted secret, which must not be in any file.
        variant: One of ``VARIANTS[name]``, or empty.

    Raises:
        SettingsError: The files cannot be generated from these settings, or the target cannot be imported.

    """
    path = list_targets()[name]
    try:
        target = cast(TargetModule, import_module(path))
    except ImportError as error:
        raise SettingsError(f"the target {name} cannot be imported: {error}. Correct GENERATE_TARGETS") from error
    if not callable(getattr(target, "generate", None)):
        raise SettingsError(f"the target {name} has no function generate(). Add one to {path}")
    function = getattr(target, VARIANTS[name][variant]) if variant else target.generate
    return cast(Generated, function(is_secret))
