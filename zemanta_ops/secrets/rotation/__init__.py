"""Re-encrypt the tokens of whole files."""
