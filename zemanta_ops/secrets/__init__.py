"""Secrets that stand encrypted in settings and are decrypted once, at startup."""
