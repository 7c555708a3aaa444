"""TICKscripts and handlers for Kapacitor 1.5, and its configuration."""

from __future__ import annotations

from zemanta_ops.stack.generate.kapacitor.generator import generate as generate
