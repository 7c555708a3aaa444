"""The views of the shop, one module a kind."""
