"""Which series this deployment can produce."""
