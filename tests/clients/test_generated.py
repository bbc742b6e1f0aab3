"""Clients generated from the schema compile, and work against the server: pictures and Parquet included."""

import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from cv.services import api_key_create
from tests import node
from tests.archives import zip_of
from tests.jobs import work_through

CLIENTS = Path(__file__).resolve().parents[2] / "clients" / "generated"


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    file.write_bytes(Client().get("/api/schema?format=json").content)
    return file


def check(*command: str, cwd: Path, **environment: str) -> str:
    """Output of a program that must succeed."""
    whole = {**os.environ, **environment}
    ended = subprocess.run(command, cwd=cwd, env=whole, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


# Python, by openapi-python-client.


@pytest.fixture(scope="module")
def package(schema: Path) -> Iterator[Path]:
    """The folder of the package ``xcloud_api``, on the path."""
    folder = schema.parent
    said = check(
        sys.executable, "-m", "openapi_python_client", "generate", "--path", str(schema),
        "--config", str(CLIENTS / "python.yaml"), "--meta", "none", "--output-path", "xcloud_api", cwd=folder,
    )  # fmt: skip
    assert "WARNING" not in said
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder / "xcloud_api"
        for name in [name for name in sys.modules if name.partition(".")[0] == "xcloud_api"]:
            del sys.modules[name]


def test_the_python_client_compiles(package: Path) -> None:
    check(sys.executable, "-m", "compileall", "-q", str(package), cwd=package.parent)
    for file in sorted((package / "api").rglob("[a-z]*.py")):
        importlib.import_module(".".join(file.relative_to(package.parent).with_suffix("").parts))
    check(
        sys.executable, "-m", "mypy", "--config-file", "", "--no-incremental", "--python-executable", sys.executable,
        str(package), cwd=package.parent,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_the_python_client_works(package: Path, live_server: LiveServer, grace_hopper: bytes) -> None:
    from xcloud_api import AuthenticatedClient, models  # type: ignore[import-not-found]
    from xcloud_api.api import analyses, jobs
    from xcloud_api.types import File

    def operation(module: Any, name: str) -> Any:
        return importlib.import_module(f"{module.__name__}.{name}")

    def photo() -> Any:
        return File(io.BytesIO(grace_hopper), "photo.jpg", "image/jpeg")

    with AuthenticatedClient(live_server.url, api_key_create("generated")[1]) as client:
        made = operation(analyses, "analysis_create").sync(
            client=client,
            body=models.FormAnalysisInputRequest(
                image=photo(),
                attributes=[models.AttributesEnum.AGE, models.AttributesEnum.GENDER],
                max_faces=3,
                store=models.ResultStoreInputRequest(image=True, subject="visitor 17"),
            ),
        )
        assert isinstance(made, models.Analysis)
        (face,) = made.faces
        assert list(face.attributes.to_dict()) == ["age", "gender"]
        assert 60 < face.attributes.age.value < 100
        page = operation(analyses, "analysis_list").sync(client=client, subject="visitor 17")
        assert [found.id for found in page.results] == [made.id]
        picture = operation(analyses, "analysis_picture_read").sync(made.id, client=client)
        assert picture.payload.read(3) == b"\xff\xd8\xff"
        preview = operation(analyses, "preview_create").sync(
            client=client, body=models.FormPreviewInputRequest(image=photo())
        )
        assert preview.payload.read(3) == b"\xff\xd8\xff"
        refused = operation(analyses, "detection_create").sync(
            client=client,
            body=models.FormDetectionInputRequest(image=File(io.BytesIO(b"no picture"), "a", "image/png")),
        )
        assert (type(refused), refused.error.code) == (models.ErrorAnswer, "unsupported_media_type")

        archive = File(io.BytesIO(zip_of([("hopper.jpg", grace_hopper)])), "photos.zip", "application/zip")
        job = operation(jobs, "job_create").sync(client=client, body=models.FormJobInputRequest(archive=archive))
        work_through()
        assert operation(jobs, "job_read").sync(UUID(str(job.id)), client=client).state == models.JobStateEnum.DONE
        table = operation(jobs, "job_results").sync_detailed(
            job.id, client=client, format_=models.JobResultsFormat.PARQUET
        )
        assert table.content.startswith(b"PAR1")


# TypeScript, by @hey-api/openapi-ts.


@pytest.fixture(scope="module")
def project(schema: Path) -> Path:
    """The folder with the generated client and the program that uses it, compiled."""
    if why := node.unusable():
        pytest.skip(why)
    folder = schema.parent / "typescript"
    shutil.copytree(node.SOURCE, folder)
    (folder / "node_modules").symlink_to(node.project() / "node_modules")
    programs = folder / "node_modules" / ".bin"
    config = str(CLIENTS / "openapi-ts.config.mjs")
    check(str(programs / "openapi-ts"), "--file", config, "--silent", cwd=folder, XCLOUD_SCHEMA=str(schema))
    check(str(programs / "tsc"), cwd=folder)
    return folder


@pytest.mark.django_db(transaction=True)
def test_the_typescript_client_compiles_and_works(
    project: Path, live_server: LiveServer, grace_hopper: bytes, tmp_path: Path
) -> None:
    photo, archive = tmp_path / "photo.jpg", tmp_path / "photos.zip"
    photo.write_bytes(grace_hopper)
    archive.write_bytes(zip_of([("hopper.jpg", grace_hopper)]))
    walk = ["node", "built/walk.js", live_server.url, api_key_create("generated")[1], str(photo), str(archive)]
    job = check(*walk, cwd=project).strip()
    assert work_through() == 1
    assert check(*walk, job, cwd=project) == "done\n"
