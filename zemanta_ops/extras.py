"""The error for an optional package that is not installed, with the pip line that installs it."""

from __future__ import annotations


class MissingExtraError(ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        """Name the feature and the extra that installs its package."""
        super().__init__(f'{what} needs an optional package. Run: pip install "zemanta-ops[{extra}]"')
        self.extra = extra
