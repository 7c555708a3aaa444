"""Configuration files generated from the settings; one package a target."""
