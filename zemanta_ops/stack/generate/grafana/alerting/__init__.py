"""Alert rules for Grafana, and whom it notifies."""

from __future__ import annotations

from zemanta_ops.stack.generate.grafana.alerting.contacts import render_contacts as render_contacts
from zemanta_ops.stack.generate.grafana.alerting.contacts import render_environment as render_environment
from zemanta_ops.stack.generate.grafana.alerting.contacts import render_policies as render_policies
from zemanta_ops.stack.generate.grafana.alerting.lint import lint_rule as lint_rule
from zemanta_ops.stack.generate.grafana.alerting.rules import render_groups as render_groups
