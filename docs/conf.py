"""How Sphinx builds these pages: ``make docs``."""

project = "zemanta_ops"
author = "The zemanta_ops developers"
copyright = author  # noqa: A001  the name is Sphinx's
extensions: list[str] = []
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {
    "description": "Encrypted secrets in Django settings; request metrics with tags",
    "page_width": "1100px",
}
nitpicky = True
