"""A page of runbooks from the declarations, for the documentation of the project."""

from __future__ import annotations

from zemanta_ops.stack.generate.runbooks.generator import generate as generate
from zemanta_ops.stack.generate.runbooks.generator import generate_markdown as generate_markdown
