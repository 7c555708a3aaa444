"""Tests of the page of runbooks."""
