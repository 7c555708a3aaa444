"""Encrypted secrets in Django settings, and request metrics with tags."""

__version__ = "0.1.0"
