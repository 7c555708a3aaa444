"""Plug-ins: one module a backend, loaded by the registry when a token names it."""
