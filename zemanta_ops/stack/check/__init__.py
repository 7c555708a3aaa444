"""Prove that metrics flow, hop by hop."""
