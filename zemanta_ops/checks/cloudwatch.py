"""Check the declarations of ``push_cloudwatch``: ``zemanta_ops.E14x``."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from zemanta_ops.conf import conf
from zemanta_ops.setting import read_section

# Whether AWS names a region is known only when the command runs.
_ANY_REGION = "eu-west-1"


@register("zemanta_ops")
def check_declarations(**_: Any) -> list[CheckMessage]:
    """Check that CLOUDWATCH declares metrics that can be asked for."""
    if not read_section(conf.cloudwatch.key):
        return []
    from zemanta_ops.stack.cloudwatch.declarations import DeclarationError
    from zemanta_ops.stack.cloudwatch.defaults import build_declarations
    from zemanta_ops.stack.settings import CLOUDWATCH_PLACE, read_cloudwatch_options

    try:
        build_declarations(read_cloudwatch_options(), place=CLOUDWATCH_PLACE, region=_ANY_REGION, spell=str.upper)
    except DeclarationError as error:
        hint = "The page on CloudWatch lists the keys of a declaration. See it with: manage.py push_cloudwatch --list"
        return [Error(fault, hint=hint, id="zemanta_ops.E140") for fault in error.faults]
    return []
