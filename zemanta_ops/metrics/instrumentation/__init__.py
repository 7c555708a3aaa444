"""Plug-ins: one module an instrumented library, switched on by name."""
