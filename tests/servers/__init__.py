"""The real servers behind the tests: how to install them, and fixtures that start and stop them."""
