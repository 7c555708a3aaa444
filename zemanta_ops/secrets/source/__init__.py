"""Operators' verbs over files that hold tokens: scan, rewrite, rotate, audit, history."""
