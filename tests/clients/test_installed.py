"""The Python client installed from its folder into an empty environment: its examples run."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from cv.models import Job
from cv.services import api_key_create
from tests.archives import zip_of
from tests.jobs import work_through

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
PATIENCE_S = 120


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the client, what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("client")
    # A copy, because building leaves files behind.
    source, folder = shutil.copytree(CLIENT, folder / "source"), folder / "venv"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    installed = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(python), f"{source}[pandas]"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode and "error sending request" in installed.stderr:
        pytest.skip(f"the package index does not answer: {installed.stderr.strip().splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    return python


@pytest.fixture
def started(
    python: Path, live_server: LiveServer, transactional_db: None, tmp_path: Path
) -> Iterator[list["subprocess.Popen[str]"]]:
    """Where ``start`` puts processes that must end with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def start(python: Path, example: str, *arguments: object) -> "subprocess.Popen[str]":
    # Isolated (-I) from this project's folder and environment.
    command = [str(python), "-I", str(CLIENT / "examples" / example), *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "XCLOUD_KEY": api_key_create("client")[1]}
    return subprocess.Popen(
        command, cwd=python.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def output_of(process: "subprocess.Popen[str]") -> list[str]:
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    return out.splitlines()


def test_the_examples_run(
    python: Path,
    started: list["subprocess.Popen[str]"],
    live_server: LiveServer,
    grace_hopper: bytes,
    empty_scene: bytes,
    tmp_path: Path,
) -> None:
    photo, grey, photos = tmp_path / "photo.jpg", tmp_path / "grey.jpg", tmp_path / "photos.zip"
    photo.write_bytes(grace_hopper)
    grey.write_bytes(empty_scene)
    photos.write_bytes(zip_of([("hopper.jpg", grace_hopper)]))

    started.append(start(python, "describe.py", photo, live_server.url))
    (line,) = output_of(started[-1])
    assert line.startswith("face 0: about ")

    # One photo at a time: the threads of this server share one connection to SQLite, which some requests at once break.
    for one, faces in ((photo, 1), (grey, 0)):
        started.append(start(python, "many.py", live_server.url, one))
        assert output_of(started[-1]) == [f"{one}: {faces} faces"]

    table = tmp_path / "results.csv"
    started.append(start(python, "job.py", photos, table, live_server.url))
    ends = time.monotonic() + PATIENCE_S
    while not Job.objects.exists() and started[-1].poll() is None and time.monotonic() < ends:
        time.sleep(0.05)
    work_through()
    (line,) = output_of(started[-1])
    assert re.fullmatch(r"hopper\.jpg: \d+ years, (female|male|nan)", line)
    assert table.read_text(encoding="utf-8-sig").startswith("index,name,state")
