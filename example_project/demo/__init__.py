"""``python -m example_project.demo``: the main job on real input, from an encrypted secret to a counted request."""
