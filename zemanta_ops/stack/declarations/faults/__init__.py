"""Find what is wrong with declarations, for ``manage.py check`` and for whatever is generated from them."""

from __future__ import annotations

from collections.abc import Iterator

from zemanta_ops.stack.declarations.faults.collisions import find_collisions
from zemanta_ops.stack.declarations.faults.fault import Fault as Fault
from zemanta_ops.stack.declarations.faults.references import find_reference_faults
from zemanta_ops.stack.declarations.faults.shapes import find_shape_faults
from zemanta_ops.stack.declarations.faults.texts import find_text_faults
from zemanta_ops.stack.declarations.faults.values import find_value_faults
from zemanta_ops.stack.declarations.known import Deployment
from zemanta_ops.stack.declarations.registry import Declarations


def find_faults(declared: Declarations, deployment: Deployment) -> Iterator[Fault]:
    """Yield everything that is wrong; a declaration of wrong types is not judged any further."""
    for failure in declared.failures:
        yield Fault(
            "zemanta_ops.E201",
            f"{failure.module} cannot be imported: {failure.reason}; what it declares is missing.",
            f"Run: python manage.py shell -c 'import {failure.module}'",
        )
    sound = []
    for declaration in declared.everything:
        shape = list(find_shape_faults(declaration))
        yield from shape
        if not shape:
            sound.append(declaration)
    for declaration in sound:
        yield from find_reference_faults(declaration, deployment)
        yield from find_value_faults(declaration, deployment)
        yield from find_text_faults(declaration)
    yield from find_collisions(sound, deployment)


def remove_faulty(declared: Declarations, deployment: Deployment) -> tuple[Declarations, list[Fault]]:
    """Return the declarations that have no error, and all faults: one faulty declaration does not stop the rest."""
    faults = list(find_faults(declared, deployment))
    faulty = [fault.declaration for fault in faults if fault.is_error and fault.declaration is not None]
    # An alert of a composite that cannot be computed cannot be judged.
    kept = declared.keep(lambda each: not any(one is each or one is getattr(each, "subject", None) for one in faulty))
    return kept, faults
