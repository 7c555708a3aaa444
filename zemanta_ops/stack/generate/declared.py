"""What is generated from: the declarations that can be used, the deployment that they are for, and its names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from zemanta_ops.conf import conf
from zemanta_ops.stack.declarations.known import APPLICATION_TAGS, Deployment
from zemanta_ops.stack.declarations.model import Alert, Composite
from zemanta_ops.stack.declarations.registry import Declarations
from zemanta_ops.stack.inventory.usable import read_usable

# The sources of metrics that do not carry METRICS["TAGS"].
_FOREIGN = ("elsewhere", "cloudwatch")
# AWS has the metrics of a period minutes after its end, and push_cloudwatch fetches them every five minutes.
_CLOUDWATCH_DELAY = 900


@dataclass(frozen=True)
class Declared:
    """The declarations without faults, and what they are about.

    Attributes:
        declarations: Those without faults, of metrics that are emitted.
        deployment: What is emitted.
        project: The name of the application.

    """

    declarations: Declarations
    deployment: Deployment
    project: str

    def scope_of(self, metric: str) -> Mapping[str, str]:
        """Return the tags that tell this application's series of a metric from those of others."""
        known = self.deployment.metrics.get(metric)
        return {} if known is not None and known.source in _FOREIGN else self.deployment.identity

    def find_delay(self, declaration: Composite | Alert) -> int:
        """Return after how many seconds all points of a declaration's windows are in the database."""
        delay = max(2, 2 * math.ceil(self.deployment.agent_interval))
        known = (self.deployment.metrics.get(term.metric) for term in declaration.terms)
        is_late = any(each is not None and each.source == "cloudwatch" for each in known)
        return max(delay, _CLOUDWATCH_DELAY) if is_late else delay


def read_declared() -> tuple[Declared, list[str]]:
    """Return what is declared, and a sentence for each declaration that is left out."""
    usable = read_usable()
    tags = {str(key): str(value) for key, value in conf.metrics.tags.items()}
    named = next((tags[tag] for tag in APPLICATION_TAGS if tag in tags), "")
    project = named or conf.metrics.prefix or "application"
    return Declared(usable.declared, usable.deployment, project), usable.refusals
