"""Programs of PyPI whose dependencies or scripts would clash with ours: each in a folder of its own in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import cache

AWSCLI = "1.44.87"
LAMBDA_RUNTIME = "4.2.2"
SAM_TRANSLATOR = "1.115.0"
CFN_LINT = "1.58.0"
CHECK_JSONSCHEMA = "0.39.0"
LOGURU = "0.7.3"
STRUCTLOG = "26.1.0"
DEBUG_TOOLBAR = "7.0.0"
KUBERNETES_VALIDATE = "1.37.0"
Install = Callable[[Path], None]


def installed(name: str, version: str, install: Install) -> Path:
    """Return the folder of a package; skip the test, or fail it with CI=true, if PyPI cannot be reached."""
    folder = cache.root() / "pypi" / f"{name}-{version}-py{sys.version_info[0]}{sys.version_info[1]}"
    # Not the lock of the whole cache: a server may be half an hour in the making.
    with cache.locked(folder.parent):
        if not folder.is_dir():
            try:
                cache.fill(folder, install)
            except subprocess.CalledProcessError:
                reason = f"{name} {version} could not be installed from PyPI"
                if os.environ.get("CI") == "true":
                    pytest.fail(reason, pytrace=False)
                pytest.skip(reason)
    return folder


def pip(folder: Path, *requirements: str) -> None:
    """Install into a folder that is not a virtualenv."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    subprocess.run([*command, *requirements], check=True, capture_output=True)


def aws(folder: Path) -> Path:
    """Return a folder with the program ``aws`` of the AWS CLI, to be put on the path; made in ``folder``."""
    package = installed("awscli", AWSCLI, lambda target: pip(target, f"awscli=={AWSCLI}"))
    script = folder / "aws"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{package}" exec "{sys.executable}" -m awscli "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return folder


def lambda_runtime() -> Path:
    """Return a folder with Lambda's own client of its runtime, for ``python -m awslambdaric``."""
    return installed("awslambdaric", LAMBDA_RUNTIME, lambda folder: pip(folder, f"awslambdaric=={LAMBDA_RUNTIME}"))


def template_tools() -> Path:
    """Return a folder with the translator of SAM templates and the linter of CloudFormation's."""
    wanted = (f"aws-sam-translator=={SAM_TRANSLATOR}", f"cfn-lint=={CFN_LINT}")
    return installed("aws-sam-translator", SAM_TRANSLATOR, lambda folder: pip(folder, *wanted))


def schemas() -> Path:
    """Return a folder with two validators, and the schemas of compose files, CI jobs and Kubernetes."""
    wanted = (f"check-jsonschema=={CHECK_JSONSCHEMA}", f"kubernetes-validate=={KUBERNETES_VALIDATE}")
    return installed("check-jsonschema", CHECK_JSONSCHEMA, lambda folder: pip(folder, *wanted))


def loggers() -> Path:
    """Return a folder with packages that log, or show settings, in ways of their own."""
    wanted = (f"loguru=={LOGURU}", f"structlog=={STRUCTLOG}")
    toolbar = f"django-debug-toolbar=={DEBUG_TOOLBAR}"

    def install(folder: Path) -> None:
        pip(folder, *wanted)
        # Not with its Django: the tests run under their own.
        pip(folder, "--no-deps", toolbar)

    return installed("loguru", f"{LOGURU}-{STRUCTLOG}-{DEBUG_TOOLBAR}", install)
