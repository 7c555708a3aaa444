"""What is recorded of a request."""
