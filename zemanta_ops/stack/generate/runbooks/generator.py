"""Generate the page of runbooks, in reStructuredText for Sphinx or in Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

from zemanta_ops.conf import conf
from zemanta_ops.stack.generate.files import Generated, GeneratedFile, IsSecret, SettingsError
from zemanta_ops.stack.generate.runbooks.sections import Section, list_sections
from zemanta_ops.stack.inventory.usable import read_usable
from zemanta_ops.stack.settings import list_faults

# None of these is needed for a page.
CREDENTIALS = ("USERNAME", "PASSWORD", "TOKEN", "RECEIVERS")
_TITLE = "Runbooks"
_INTRODUCTION = "What each alert means and what to do first. Written by: manage.py generate_stack runbooks"
_RST = re.compile(r"([\\*`|_<>\[\]:])")
_MARKDOWN = re.compile(r"([\\*_`\[\]<>|#+!&~$^{}()=.-])")
# What an address may have in markup without being read as a part of it.
_SAFE = "/:?#@!&'*+,;=%~-._"


def generate(is_secret: IsSecret) -> Generated:
    """Return the page in reStructuredText; SettingsError if settings have no usable value."""
    return _generate("runbooks.rst", _render_rst, is_secret)


def generate_markdown(is_secret: IsSecret) -> Generated:
    """Return the page in Markdown; SettingsError if settings have no usable value."""
    return _generate("runbooks.md", _render_markdown, is_secret)


def _generate(path: str, render: Callable[[list[Section]], Iterator[str]], is_secret: IsSecret) -> Generated:
    if faults := list_faults(unused=CREDENTIALS):
        raise SettingsError("; ".join(faults))
    usable = read_usable()
    text = "\n".join(render(list_sections(usable, _choose_language())))
    if any(is_secret(value) and value in text for value in usable.deployment.identity.values()):
        raise SettingsError("METRICS TAGS has a secret, which the page would show")
    return Generated([GeneratedFile(path, f"{text}\n")], usable.refusals)


def _choose_language() -> str:
    databases = conf.list_databases()
    if conf.victoriametrics in databases or conf.prometheus in databases:
        return "promql"
    return "flux" if conf.influxdb.bucket else "influxql"


def _render_rst(sections: list[Section]) -> Iterator[str]:
    yield from (_TITLE, "=" * len(_TITLE), "", _escape_rst(_INTRODUCTION))
    for section in sections:
        title = _escape_rst(section.title)
        # A wide character takes two columns of the line below it.
        yield from ("", f".. _{section.anchor}:", "", title, "-" * (2 * len(title)), "")
        yield from (f"* **{name}:** {_escape_rst(text)}" for name, text in section.texts.items())
        if section.runbook:
            yield f"* `More on this <{quote(section.runbook, safe=_SAFE)}>`__"
        for name, query in section.queries.items():
            yield from ("", f"{_escape_rst(name)}\\ ::", "", *(f"    {line}" for line in query.splitlines()))


def _render_markdown(sections: list[Section]) -> Iterator[str]:
    yield from (f"# {_TITLE}", "", _escape_markdown(_INTRODUCTION))
    for section in sections:
        yield from ("", f'<a id="{html.escape(section.anchor)}"></a>', "", f"## {_escape_markdown(section.title)}", "")
        yield from (f"* **{name}:** {_escape_markdown(text)}" for name, text in section.texts.items())
        if section.runbook:
            yield f"* [More on this](<{quote(section.runbook, safe=_SAFE)}>)"
        for name, query in section.queries.items():
            yield from ("", f"{_escape_markdown(name)}:", "", *(f"    {line}" for line in query.splitlines()))


def _escape_rst(text: str) -> str:
    return _RST.sub(r"\\\1", _to_line(text))


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _to_line(text))


def _to_line(text: str) -> str:
    """Return a text on one line, without control characters."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())
