"""The pytest plugin: while it is loaded, metrics are silent unless ENABLED says otherwise."""
