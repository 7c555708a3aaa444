"""The script of a composite: it computes the composite and writes it back."""

from __future__ import annotations

from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.model import Composite
from zemanta_ops.stack.declarations.names import to_measurement
from zemanta_ops.stack.generate.kapacitor.reading import Database, Reader
from zemanta_ops.stack.generate.kapacitor.schedule import Schedule
from zemanta_ops.stack.generate.kapacitor.tick import UnsupportedError, render_node, render_write
from zemanta_ops.stack.generate.kapacitor.windows import Computation

# The number of windows that each run writes, so that points which came late are counted.
REWRITTEN = 3


def render_composite(composite: Composite, deployment: Deployment, database: Database, task: str) -> str:
    """Return the script.

    Raises:
        UnsupportedError: Kapacitor cannot compute it.

    """
    if composite.expression is None:
        raise UnsupportedError("is not complete")
    schedule = Schedule(composite.every_seconds, composite.window_seconds, deployment.find_delay(composite.terms))
    reader = Reader(deployment, database, composite.by, schedule)
    computation = Computation(reader, task, composite.expression, composite.min_denominator)
    measurement = to_measurement(composite.name, deployment.prefix)
    write = render_write(database.name, database.policy, measurement, deployment.identity)
    shift = render_node("shift", [f"-{schedule.window}s"])
    parts = [database.render_dbrp()]
    for back in range(REWRITTEN):
        variable = f"window{back}"
        parts += [computation.render(variable, back), "\n".join([variable, shift, write])]
    return "\n".join([*parts, ""])
