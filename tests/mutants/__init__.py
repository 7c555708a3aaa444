"""Mutation testing of the modules whose faults would hurt a user: ``python -m tests.mutants --help``."""
