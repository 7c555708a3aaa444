"""The shop on the command line."""
