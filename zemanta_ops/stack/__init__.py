"""Operators' tools around the agent and the database."""
