"""Settings of the print shop: ``base`` is shared, each environment adds its secrets and decrypts them last."""
