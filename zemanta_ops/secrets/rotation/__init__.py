"""Rotation of tokens in files: a campaign selects them, re-encrypts them, and keeps a journal."""
