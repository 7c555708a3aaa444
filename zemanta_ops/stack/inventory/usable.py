"""The declarations that can be used: those without faults, of metrics that this deployment emits."""

from __future__ import annotations

from dataclasses import dataclass

from zemanta_ops.stack.declarations.faults import Fault, remove_faulty
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.registry import Declarations, read_declarations
from zemanta_ops.stack.inventory.deployment import read_deployment


@dataclass(frozen=True)
class Usable:
    """The declarations without faults, and the deployment that they are for; ``faults`` has all that is wrong."""

    declarations: Declarations
    deployment: Deployment
    faults: list[Fault]

    @property
    def refusals(self) -> list[str]:
        """A sentence for each declaration that is left out."""
        return [f"{fault.text} {fault.hint}" for fault in self.faults if fault.is_error]


def read_usable() -> Usable:
    """Return what can be used of everything that is declared."""
    declared = read_declarations()
    kept, faults = remove_faulty(declared, read_deployment(declared))
    deployment = read_deployment(kept)
    off = {name for name, known in deployment.metrics.items() if known.remedy}
    # What this package declares about metrics that are off is not a fault.
    kept = kept.keep(lambda each: not any(term.metric in off for term in getattr(each, "terms", ())))
    return Usable(kept, deployment, faults)
