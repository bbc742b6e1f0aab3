"""Checks the Dockerfile and compose.yaml without Docker: what they name exists and is private."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# Variables that an operator must set, and ones that they may set.
GIVEN = {
    "SECRET_KEY": "s" * 50,
    "POSTGRES_PASSWORD": "p1",
    "REDIS_PASSWORD": "r1",
    "XCLOUD_ALLOWED_HOSTS": "faces.example.org",
    "XCLOUD_STORAGE_URL": "s3://xcloud/kept?endpoint=http://s3:7070&region=us-east-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def names_in(file: str) -> set[str]:
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / file).read_text(), re.MULTILINE))


def filled_in(text: str, given: dict[str, str]) -> str:
    """Substitutes variables as compose does: ``${NAME}``, ``${NAME:-default}``, also nested, ``${NAME:?message}``."""
    inner = re.compile(r"\$\{([A-Z_]+)(?::(-|\?)([^${}]*))?\}")

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if given.get(name):
            return given[name]
        assert kind != "?", f"{name}: {rest}"
        return rest or ""

    while (done := inner.sub(value, text)) != text:
        text = done
    return text


def instructions() -> Iterator[tuple[str, str]]:
    for line in re.sub(r"\\\n\s*", "", DOCKERFILE).splitlines():
        if found := re.match(r"([A-Z]+) (.+)", line):
            yield found[1], found[2]


def environment_of(service: str, given: dict[str, str] = GIVEN) -> dict[str, str]:
    return {name: filled_in(str(value), given) for name, value in SERVICES[service].get("environment", {}).items()}


def copied(folder: Path) -> Path:
    """Copies what ``COPY . /app`` would, by .dockerignore."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert kept
    skip = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for name in kept:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=skip)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def test_the_dockerfile_has_no_findings_of_hadolint() -> None:
    tool = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([tool, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_runs_as_nobody_and_installs_nothing_for_development() -> None:
    steps = list(instructions())
    assert [value for name, value in steps if name == "USER"] == ["10001:10001"]
    last = max(number for number, (name, _) in enumerate(steps) if name == "FROM")
    assert not [value for name, value in steps[last:] if name == "RUN" and re.search(r"\b(pip|apt)", value)]
    assert "requirements-dev" not in DOCKERFILE
    assert "torch" not in (ROOT / "requirements.txt").read_text().replace("requirements-torch.txt", "")


def test_the_container_sets_what_make_serve_sets() -> None:
    (command,) = re.findall(r"^\t.*exec \$\(BIN\)/gunicorn .*$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    set_there = re.findall(r"(\w+)=\$\$\{\1:-(\w+)\}", command)
    assert set_there == [("MALLOC_ARENA_MAX", "2")]
    environment = dict(re.findall(r"\b(\w+)=([^\s\\]+)", " ".join(v for name, v in instructions() if name == "ENV")))
    assert {name: environment[name] for name, _ in set_there} == dict(set_there)
    # Both read gunicorn.conf.py, whose settings the command line of neither overrides.
    started = next(value for name, value in instructions() if name == "CMD")
    assert not re.search(r"--(worker-class|workers|threads|timeout)", started)


@pytest.mark.parametrize("service", OURS)
def test_a_container_of_ours_can_change_nothing_but_its_volumes(service: str) -> None:
    about = SERVICES[service]
    assert about["read_only"] is True
    assert about["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in about["security_opt"]
    assert "privileged" not in about


def test_only_the_server_is_reached_from_outside_and_by_default_only_from_its_own_machine() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert filled_in(SERVICES["web"]["ports"][0], {}) == "127.0.0.1:8000:8000"
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert all(SERVICES[name]["networks"] == ["inside"] for name in SERVICES if name not in OURS)


def test_every_variable_is_explained_where_the_operator_looks() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert used <= names_in("compose.env.example")
    assert names_in("compose.env.example") >= {"SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"}
    read = names_in(".env.example")
    for service in OURS:
        assert set(environment_of(service)) <= read
    built = {name for kind, value in instructions() if kind == "ENV" for name in re.findall(r"(XCLOUD_\w+)=", value)}
    assert built <= read


def test_milvus_is_asked_for_by_name_has_a_password_and_its_client_in_the_image() -> None:
    milvus = SERVICES["milvus"]
    assert milvus["profiles"] == ["milvus"]
    assert environment_of("milvus", {"MILVUS_PASSWORD": "m1"})["COMMON_SECURITY_DEFAULTROOTPASSWORD"] == "m1"
    assert milvus["environment"]["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    for name in OURS:
        assert filled_in(SERVICES[name]["build"]["args"]["SEARCH"], {"SEARCH": "1"}) == "1"
    installed = [value for kind, value in instructions() if kind == "RUN" and "requirements-search.lock" in value]
    install = "pip install --require-hashes -r /build/requirements-search.lock"
    assert installed == [f'if [ -n "$SEARCH" ]; then {install}; fi']
    assert "pymilvus" in (ROOT / "requirements-search.lock").read_text()


def test_no_secret_has_a_default() -> None:
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        without = {key: value for key, value in GIVEN.items() if key != name}
        with pytest.raises(AssertionError, match=name):
            environment_of("web", without)


def test_every_service_that_another_waits_for_exists() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES, name
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], name
        mounted = {volume.partition(":")[0] for volume in service.get("volumes", []) if ":" in volume}
        assert mounted <= set(COMPOSE["volumes"]), name
        assert set(service["networks"]) <= set(COMPOSE["networks"]), name


def test_the_commands_of_the_services_exist() -> None:
    commands = [" ".join(SERVICES[name].get("command", [])) for name in OURS]
    named = re.findall(r"manage\.py (\w+)", " ".join(commands))
    assert {"migrate", "ensure_admin", "check_storage", "run_worker"} <= set(named)
    assert set(named) <= set(get_commands())


def test_a_service_gets_more_time_to_stop_than_it_needs() -> None:
    waits = runpy.run_path(str(ROOT / "gunicorn.conf.py"))["graceful_timeout"]
    assert int(SERVICES["web"]["stop_grace_period"].removesuffix("s")) > waits
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) >= 30


def test_the_files_of_the_image_suffice_to_serve(tmp_path: Path) -> None:
    """Runs the steps of the Dockerfile on the files that it copies, with the settings that compose gives."""
    app = copied(tmp_path / "app")
    assert not list(app.rglob("*.safetensors"))
    assert not {"tests", "training", "benchmarks", ".git", ".env"} & {path.name for path in app.rglob("*")}
    image = {"XCLOUD_VAR_DIR": str(tmp_path / "var"), "XCLOUD_STATIC_DIR": str(app / "collected")}
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}

    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=app,
            env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **image, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("manage.py", "collectstatic", "--no-input", "--verbosity", "0", SECRET_KEY="build")
    assert (app / "collected" / "js" / "upload.js.gz").is_file()
    (command,) = [value for name, value in instructions() if name == "CMD" and "gunicorn" in value]
    flags = [flag for flag in re.findall(r'"([^"]+)"', command) if flag != "gunicorn"]
    environment = environment_of("web")
    said = run("-m", "gunicorn", "--print-config", *flags, **environment)
    assert re.search(r"^worker_class += xcloud.server.worker.BufferingWorker$", said, re.MULTILINE)
    assert re.search(r"^threads += 24$", said, re.MULTILINE)
    found = run(
        "-c",
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from cv.engine.manifest import read_manifest\n"
        "manifest = read_manifest(settings.XCLOUD_ENGINE.weights_dir)\n"
        "[net.onnx.read() for net in (*manifest.detector.values(), *(model.files for model in manifest.models))]\n"
        "print(settings.DATABASES['default']['HOST'], settings.STORAGES['default']['OPTIONS']['bucket_name'],"
        " settings.XCLOUD_BROKER_URL, *settings.ALLOWED_HOSTS)",
        DJANGO_SETTINGS_MODULE="xcloud.settings",
        **environment,
    )
    assert found.split() == ["db", "xcloud", "redis://:r1@redis:6379/0", "faces.example.org", "127.0.0.1"]
