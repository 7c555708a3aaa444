"""Tests of what is generated for Docker Compose."""
