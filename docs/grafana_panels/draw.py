"""Draws the dashboards of a run of the demo with Grafana's own panels, to compare with those of ``show_dashboards``.

Run: ``python docs/grafana_panels/draw.py --output docs/pictures``. It needs npm, Chromium, and ``make servers``. The
panels are those of @grafana/ui, under the Apache licence. npm installs 458 MB of packages into the cache of the test
servers. Grafana itself, and its heat map, are under another licence, and are not used.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from PIL import Image

from example_project.demo.run import draw_page, run_once
from example_project.demo.site import Site
from tests.servers.npm import install_packages

NAMES = ("overview", "view")
COLUMN, ROW = 50, 38
_COLOURS = 256
_BUNDLE = (
    *("--bundle", "--jsx=automatic", "--log-level=error"),
    *(f"--loader:.{kind}=dataurl" for kind in ("svg", "ttf", "woff", "woff2")),
    *("--define:process.env.NODE_ENV='production'", "--define:global=window"),
)
_BROWSER = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"),
    *("--disable-background-networking", "--virtual-time-budget=10000", "--enable-logging=stderr"),
)
_PAGE = (
    '<!doctype html><meta charset="utf-8"><style>body{margin:0}</style><link rel="stylesheet" href="page.css">'
    '<div id="root"></div><script src="page.js"></script>'
)


def draw(folder: Path, site: Site, seconds: float) -> str:
    """Read what a run of the demo has measured, and draw it into a folder, in both ways."""
    if site.pipeline is None:
        return "Nothing is drawn: Telegraf and InfluxDB are not installed. Run: make servers"
    printed = site.folder.run(str(HERE / "read.py"), str(seconds), *NAMES, environment=site.environment)
    document = json.loads(printed)
    with tempfile.TemporaryDirectory() as made:
        own = Path(made) / "own"
        draw_page(own, site, seconds)
        build_page(Path(made), printed)
        for each in document["dashboards"]:
            name = each["name"]
            (folder / f"{name}.png").write_bytes(pack(own / f"{name}.png"))
            take_picture(Path(made), name, find_height(each["dashboard"]))
            (folder / f"{name}_grafana.png").write_bytes(pack(Path(made) / f"{name}.png"))
    return f"Drawn by show_dashboards, and with Grafana's panels: {', '.join(NAMES)} in {folder}"


def build_page(folder: Path, document: str) -> None:
    """Bundle the page with the packages and with what it draws."""
    packages = install_packages(HERE / "package.json") / "node_modules"
    shutil.copy(HERE / "main.jsx", folder)
    (folder / "rows.json").write_text(document, encoding="utf-8")
    (folder / "index.html").write_text(_PAGE, encoding="utf-8")
    command: list[str | Path] = [packages / ".bin" / "esbuild", "main.jsx", "--outfile=page.js", *_BUNDLE]
    subprocess.run(command, cwd=folder, env={**os.environ, "NODE_PATH": str(packages)}, check=True, timeout=120)


def find_height(dashboard: Mapping[str, Any]) -> int:
    """Return the height of a dashboard in pixels."""
    panels = [each for panel in dashboard["panels"] for each in (panel, *panel.get("panels", ()))]
    return ROW * int(max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in panels))


def take_picture(folder: Path, name: str, height: int) -> None:
    """Write a picture of one dashboard beside its page."""
    path = folder / f"{name}.png"
    profile = f"--user-data-dir={folder / 'profile'}"
    size = f"--window-size={24 * COLUMN},{height}"
    url = f"{(folder / 'index.html').as_uri()}#{name}"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    command = [chromium, *_BROWSER, profile, size, f"--screenshot={path}", url]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=180)
    sys.stderr.writelines(f"{line}\n" for line in done.stderr.splitlines() if "CONSOLE" in line)


def pack(path: Path) -> bytes:
    """Return a picture in few colours, which is half as large."""
    packed = io.BytesIO()
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(_COLOURS).save(packed, "PNG", optimize=True)
    return packed.getvalue()


def main() -> int:
    """Run the demo and draw it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where the pictures go")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the demo sends requests (%(default)s)")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    return run_once(sys.stdout, options.seconds, partial(draw, options.output))


if __name__ == "__main__":
    sys.exit(main())
