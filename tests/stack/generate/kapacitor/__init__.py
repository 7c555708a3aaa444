"""Tests of the files for Kapacitor."""
