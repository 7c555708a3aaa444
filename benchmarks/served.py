"""The site under gunicorn, with the peer of ``BENCHMARK_PEER`` at its own pace."""

from __future__ import annotations

import os

from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from benchmarks import registry

[peer] = registry.set_up([os.environ["BENCHMARK_PEER"]], int(os.environ["BENCHMARK_PORT"]), FLUSH_SECONDS=1.0)
with override_settings(MIDDLEWARE=peer.middleware):
    application = WSGIHandler()
