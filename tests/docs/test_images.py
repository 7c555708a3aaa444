"""The page on images: its Dockerfile is built and run, and the other files are read by what is written for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.docs.images import Image
from tests.docs.project import PLAINTEXTS, Project
from tests.docs.walkthrough import blocks, headings
from tests.servers import cache, pypi
from tests.servers.fixtures import require
from tests.servers.http import answers, call
from tests.servers.process import Server, free_port

pytestmark = [pytest.mark.second_tier, pytest.mark.usefixtures("without_coverage")]

ROOT = Path(__file__).resolve().parents[2]
PAGE = "images"
# A section that comes or goes breaks this line: each has a test.
IMAGE, COMPOSE, CI, KUBERNETES = headings(PAGE)
FILES = {block.body.partition("\n")[0].removeprefix("# "): block.body for block in blocks(PAGE)}
DOCKERFILE, COMPOSE_FILE, JOB, MANIFEST = FILES
SITE = """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("the shop"))]
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
"""
TEST = """
from django.test import SimpleTestCase


class ShopTests(SimpleTestCase):
    def test_home(self):
        self.assertContains(self.client.get("/"), "the shop")
"""
MORE = """
INSTALLED_APPS = ["django.contrib.staticfiles", "zemanta_ops", "mysite"]
ROOT_URLCONF, STATIC_URL, STATIC_ROOT = "mysite.urls", "static/", "static"
ALLOWED_HOSTS = ["*"]

decrypt_settings("""

NewProject = Callable[..., Project]


@pytest.fixture
def project(new_project: NewProject) -> Project:
    """Return a project with the files of the page, whose private key lies in ``production.key``."""
    project = new_project(ZEMANTA_OPS_SEALED_KEY_FILE="production.key")
    public = project.run("python", "-m", "zemanta_ops.secrets", "keygen", "--output", "production.key").strip()
    project.configure(f'app = "shop"\n[environments.production]\nbackend = "sealed"\nrecipients = ["{public}"]\n')
    text = project.settings.read_text(encoding="utf-8").replace("\ndecrypt_settings(", MORE)
    written = {
        "mysite/settings.py": text,
        "mysite/urls.py": SITE,
        "mysite/wsgi.py": WSGI,
        "mysite/static/shop.css": "body {}",
        "mysite/test_shop.py": TEST,
        "requirements.txt": f"zemanta-ops[sealed] @ {ROOT.as_uri()}\ngunicorn\n",
        **FILES,
    }
    for name, body in written.items():
        (project.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / name).write_text(f"{body}\n", encoding="utf-8")
    project.commit("Add the files of the page")
    return project


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of the image, whose packages are installed once a run."""
    return tmp_path_factory.mktemp("image")


@pytest.fixture
def image(base: Path, project: Project) -> Image:
    """Return the built image."""
    image = Image(base)
    image.build(project.folder / DOCKERFILE)
    return image


def serve(image: Image, project: Project, environment: Mapping[str, str]) -> Iterator[Server]:
    """Start the command of the image on a free port; the log is that of the server."""
    port = free_port()
    command = ["env", *(part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in image.command)]
    server = Server(
        "image",
        command,
        project.folder.parent,
        lambda: answers(f"http://127.0.0.1:{port}/"),
        {
            **image.environment,
            "PYTHONPATH": str(image.root / "app"),
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            **environment,
        },
        traced=False,
    )
    server.port = port  # type: ignore[attr-defined]
    server.start()
    yield server
    server.stop()


def mounted(project: Project, environment: Mapping[str, str], mounts: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with the paths of this machine in place of those in the container."""
    paths = {target: str(project.folder / source) for target, source in mounts.items()}
    return {name: paths.get(value, value) for name, value in environment.items()}


def test_the_image_is_built_without_a_key_and_serves_with_it(
    image: Image, project: Project, compose: dict[str, Any]
) -> None:
    assert (image.root / "app" / "static" / "shop.css").is_file()
    assert not list((image.root / "app").rglob("*.key"))
    service = compose["services"]["web"]
    [secret] = service["secrets"]
    source = Path(compose["secrets"][secret["source"]]["file"]).name
    environment = mounted(project, service["environment"], {f"/run/secrets/{secret['source']}": source})
    for server in serve(image, project, environment):
        assert call(f"http://127.0.0.1:{server.port}/") == "the shop"  # type: ignore[attr-defined]
    script = "from mysite.settings import SECRET_KEY; print(SECRET_KEY)"
    assert image.run(["python", "-c", script], environment).strip() == PLAINTEXTS["SECRET_KEY"]


def test_a_container_that_builds_refuses_to_serve(image: Image) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        image.run(["gunicorn", "mysite.wsgi", "--bind", "127.0.0.1:0"], {"ZEMANTA_OPS_SECRETS": "deferred"})
    assert "this process must not serve requests" in caught.value.stderr


def test_an_image_without_the_configuration_is_not_built(image: Image, project: Project) -> None:
    (image.root / "app" / "zemanta_ops.toml").unlink()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        image.build(project.folder / DOCKERFILE, without=["zemanta_ops.toml"])
    assert "COPY zemanta_ops.toml" in caught.value.stderr


@pytest.fixture
def compose(compose_program: Path, project: Project) -> dict[str, Any]:
    """Return the compose file as Docker Compose reads it."""
    done = subprocess.run(
        [compose_program, COMPOSE_FILE], cwd=project.folder, capture_output=True, text=True, check=True
    )
    read: dict[str, Any] = YAML(typ="safe").load(done.stdout)
    return read


@pytest.fixture(scope="session")
def compose_program() -> Path:
    """Return the program that reads compose files as Docker Compose does."""
    require("compose")
    return cache.binary("compose")


def test_the_job_of_ci_passes_without_a_key(image: Image, project: Project) -> None:
    checkout = project.folder.parent / "checkout"
    project.run("git", "clone", "--quiet", str(project.folder), str(checkout))
    assert not (checkout / "production.key").exists()
    job = YAML(typ="safe").load(FILES[JOB])["jobs"]["test"]
    done = []
    for step in job["steps"]:
        if "run" in step:
            environment = {**image.environment, **step.get("env", {})}
            ended = subprocess.run(
                ["sh", "-c", step["run"]], cwd=checkout, env=environment, capture_output=True, text=True, check=False
            )
            assert ended.returncode == 0, ended.stdout + ended.stderr
            done.append(ended.stdout + ended.stderr)
    _, audit, test, static = done
    assert all(name in audit for name in PLAINTEXTS)
    assert "Ran 1 test" in test
    assert "1 static file copied" in static


def test_the_manifest_mounts_the_key_where_the_variable_says(image: Image, project: Project) -> None:
    pod = YAML(typ="safe").load(FILES[MANIFEST])["spec"]["template"]["spec"]
    [container], [volume] = pod["containers"], pod["volumes"]
    [mount] = container["volumeMounts"]
    assert (mount["name"], volume["secret"]["defaultMode"]) == (volume["name"], 0o440)
    environment = {each["name"]: each["value"] for each in container["env"]}
    environment = mounted(project, environment, {f"{mount['mountPath']}/key": "production.key"})
    (project.folder / "production.key").chmod(volume["secret"]["defaultMode"])
    assert image.run(["python", "manage.py", "check"], environment)


@pytest.mark.parametrize(("name", "schema"), [(JOB, "vendor.github-workflows"), (COMPOSE_FILE, "vendor.compose-spec")])
def test_the_files_are_valid_in_their_schemas(name: str, schema: str, schemas: Path, project: Project) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, name]
    environment = {**os.environ, "PYTHONPATH": str(schemas)}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", [PAGE, "deployment_containers"])
def test_every_manifest_is_valid_in_the_schema_of_kubernetes(page: str, schemas: Path, tmp_path: Path) -> None:
    manifests = [block.body for block in blocks(PAGE) if "apiVersion" in block.body] if page == PAGE else _others()
    assert manifests
    for number, manifest in enumerate(manifests):
        path = tmp_path / f"{number}.yaml"
        path.write_text(manifest)
        command = [sys.executable, "-m", "kubernetes_validate", "--strict", str(path)]
        environment = {**os.environ, "PYTHONPATH": str(schemas)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _others() -> list[str]:
    from tests.docs.test_deployment import blocks as blocks_of

    return blocks_of("deployment_containers", "yaml")


@pytest.fixture(scope="session")
def schemas() -> Path:
    """Return a folder with validators that have their schemas with them."""
    return pypi.schemas()
