"""When a panel is empty although all is well, and what its metric is written by."""

from __future__ import annotations

from dataclasses import dataclass

from zemanta_ops.stack.queries import Selection


@dataclass(frozen=True)
class Absence:
    """What an empty panel means.

    Attributes:
        empty_if: Why nothing of its metric may be written although all is well; empty if something always is.
        sparse_if: Why nothing of what is written may be selected although all is well.
        heard: A series that has points while what writes the metric runs; None if no series shows that.
        command: The command that writes the metric, or that finds out why nothing does; empty if there is none.

    """

    empty_if: str = ""
    sparse_if: str = ""
    heard: Selection | None = None
    command: str = ""

    @property
    def reason(self) -> str:
        """Why the panel may be empty; empty if it may not."""
        return self.empty_if or self.sparse_if


# Something is always there.
ALWAYS = Absence()
