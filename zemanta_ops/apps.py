"""The Django app: system checks, redaction and instrumentation start here."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed

from zemanta_ops.conf import conf
from zemanta_ops.setting import SETTING


class ZemantaOpsConfig(AppConfig):
    """Registers the system checks and reloads the metrics client when a test overrides a setting."""

    name = "zemanta_ops"
    verbose_name = "Zemanta ops"

    def ready(self) -> None:
        """Register the checks, and install what lasts as long as the process."""
        from zemanta_ops import checks  # noqa: F401  (importing registers them)
        from zemanta_ops.metrics.client import default_client
        from zemanta_ops.secrets.redaction.logs import install as install_redaction
        from zemanta_ops.serving import guard, refuse_fake, skip_secret_key_checks

        guard()
        refuse_fake()
        skip_secret_key_checks()
        install_redaction()
        default_client.follow_settings()
        setting_changed.connect(_reload_metrics, dispatch_uid="zemanta_ops.metrics")
        if conf.metrics.instrument and conf.metrics.enabled is not False:
            from zemanta_ops.metrics import instrumentation

            instrumentation.install(conf.metrics.instrument)


def _reload_metrics(*, setting: str, **_: Any) -> None:
    if setting in (SETTING, *conf.old_names()):
        from zemanta_ops.metrics.client import default_client

        default_client.reload()
