"""The drop-in for Telegraf's systemd unit, and an example of its environment file."""

from __future__ import annotations

from collections.abc import Sequence

from zemanta_ops.stack.generate.telegraf.toml import Variable

ENVIRONMENT_FILE = "/etc/telegraf/telegraf.env"


def render_drop_in(variables: Sequence[Variable]) -> str:
    """Return the drop-in, which adds an option and the environment file to the unit of Telegraf's packages."""
    optional = "-" if all(variable.optional for variable in variables) else ""
    return f"""\
# Written by: manage.py generate_stack telegraf
# Goes to /etc/systemd/system/telegraf.service.d/; then: systemctl daemon-reload && systemctl restart telegraf
[Service]
EnvironmentFile={optional}{ENVIRONMENT_FILE}
ExecStart=
ExecStart=/usr/bin/telegraf --strict-env-handling --config /etc/telegraf/telegraf.conf \
--config-directory /etc/telegraf/telegraf.d $TELEGRAF_OPTS
"""


def render_environment_example(variables: Sequence[Variable]) -> str:
    """Return the example: one line per variable, without a value."""
    lines = [
        "# Written by: manage.py generate_stack telegraf",
        f"# Copy it to {ENVIRONMENT_FILE}, owner root, mode 0600, and fill it in.",
        "# Put a value that has a space, a quote, a backslash or a # in single quotes.",
    ]
    for variable in variables:
        lines += ["", f"# {variable.meaning[0].upper()}{variable.meaning[1:]}."]
        lines.append(f"#{variable.name}=" if variable.optional else f"{variable.name}=")
    return "\n".join([*lines, ""])
