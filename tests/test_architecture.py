"""The rules that keep the rooms apart; a failure names the file and line."""

import ast
import graphlib
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVING = ("telemetry", "cv", "api", "web", "xcloud")
# Methods that always write rows.
WRITES = {
    "create", "acreate", "get_or_create", "aget_or_create", "update_or_create", "aupdate_or_create",
    "bulk_create", "abulk_create", "bulk_update", "abulk_update", "create_user", "create_superuser",
    "asave", "adelete", "aupdate", "executemany",
}  # fmt: skip
# Methods that files, storages, hashes and dictionaries also have; on rows they take no positional argument.
WRITES_WITHOUT_POSITIONALS = {"save", "delete", "update"}
SETTINGS_MODULE = "DJANGO_SETTINGS_MODULE"


def sources(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text())


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that the file imports, with the line; also imports inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def imports_of(room: str, *forbidden: str) -> list[str]:
    return [
        f"{file}:{line} imports {module}"
        for file, tree in sources(room)
        for module, line in imported(tree)
        if any(f"{module}.".startswith(f"{name}.") for name in forbidden)
    ]


def row_writes(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Calls that write rows, with the line. A name that others use, too, counts without positional arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in WRITES or (name in WRITES_WITHOUT_POSITIONALS and not node.args):
                yield name, node.lineno


def environment_reads(tree: ast.AST) -> Iterator[int]:
    """Lines that use the environment, except to name the settings module, which Django's entry points must do.

    To set a variable that a library reads is not a use.
    """
    set_only = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    for node in ast.walk(tree):
        if id(node) in set_only:
            continue
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in {"environ", "getenv"})


def modules_after(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after running ``code``."""
    report = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(result.stdout.splitlines()[-1].split())


def test_the_engine_imports_neither_django_nor_other_packages_of_the_project() -> None:
    rooms = {file.relative_to("cv").with_suffix("").parts[0] for file, _ in sources("cv")}
    others = [f"cv.{room}" for room in rooms - {"__init__", "engine"}]
    assert imports_of("cv/engine", "django", "rest_framework", "api", "xcloud", *others) == []


def test_loading_every_module_of_the_engine_loads_no_django() -> None:
    names = [".".join(file.with_suffix("").parts) for file, _ in sources("cv/engine") if file.stem != "__init__"]
    loaded = modules_after("\n".join(f"import {name}" for name in names))
    assert "numpy" in loaded
    assert "django" not in loaded


def modules() -> dict[str, Path]:
    """Every serving file by its module name."""
    found = {}
    for file, _ in sources(*SERVING):
        if "migrations" not in file.parts:
            found[".".join(file.with_suffix("").parts).removesuffix(".__init__")] = file
    return found


def arrows() -> dict[str, set[str]]:
    """The files that each file imports; ``from package import module`` imports the module, not the package."""
    files = modules()
    found: dict[str, set[str]] = {name: set() for name in files}
    for name, file in files.items():
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                paths = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= {path if path in files else str(node.module) for path in paths}
        found[name] = (found[name] & files.keys()) - {name}
    return found


def room_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[: 2 if parts[0] == "cv" else 1])


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle_in(arrows()) == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    rooms = defaultdict(set)
    for name, imports in arrows().items():
        rooms[room_of(name)] |= {room_of(other) for other in imports} - {room_of(name)}
    assert circle_in(rooms) == []


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    ("room", "above"),
    [
        ("telemetry", ("cv", "api", "web", "xcloud")),
        ("cv", ("api", "web", "xcloud")),
        ("api", ("web", "xcloud")),
        ("web", ("xcloud",)),
        ("cv/jobs", ("cv.services", "cv.workers")),
        ("cv/services", ("cv.workers",)),
    ],
)
def test_no_room_imports_one_above_it(room: str, above: tuple[str, ...]) -> None:
    assert imports_of(room, *above) == []


def test_the_domain_has_few_loose_modules() -> None:
    assert len([file for file in (ROOT / "cv").glob("*.py") if file.stem != "__init__"]) <= 10


@pytest.mark.parametrize("room", ["api", "web"])
def test_the_doors_import_no_inference_library(room: str) -> None:
    assert imports_of(room, "torch", "onnxruntime", "safetensors") == []


def test_only_the_engine_opens_pictures() -> None:
    """In its own processes: nothing else decodes what strangers send."""
    forbidden = ("PIL", "pillow_heif", "av", "cv.engine.decode", "cv.engine.stripping", "cv.engine.video.decode")
    found = [line for room in SERVING for line in imports_of(room, *forbidden)]
    assert [line for line in found if not line.startswith("cv/engine/")] == []


def test_loading_all_routes_loads_no_inference_library() -> None:
    loaded = modules_after(
        f"import os; os.environ.setdefault('{SETTINGS_MODULE}', 'xcloud.settings')\n"
        "import django; django.setup()\nimport xcloud.urls"
    )
    assert {"api", "cv", "web", "django"} <= loaded
    assert loaded.isdisjoint({"torch", "onnxruntime"})


@pytest.mark.parametrize("room", SERVING)
def test_nothing_that_serves_imports_training_or_tests(room: str) -> None:
    assert imports_of(room, "training", "benchmarks", "tests") == []


def test_only_the_services_write_rows() -> None:
    found = [
        f"{file}:{line} calls .{name}()"
        for file, tree in sources(*SERVING)
        if file.with_suffix("").parts[:2] != ("cv", "services") and "migrations" not in file.parts
        for name, line in row_writes(tree)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "writes"),
    [
        ("row.save()", True),
        ("row.save(update_fields=['age'])", True),
        ("Face.objects.filter(pk=1).delete()", True),
        ("rows.update(age=1)", True),
        ("Face.objects.bulk_create(rows)", True),
        ("image.save(file, 'PNG')", False),
        ("default_storage.delete(name)", False),
        ("digest.update(block)", False),
        ("Face.objects.filter(age=1).first()", False),
    ],
)
def test_a_call_that_writes_rows_is_recognised(code: str, writes: bool) -> None:
    assert bool(list(row_writes(ast.parse(code)))) == writes


def test_only_the_settings_read_the_environment() -> None:
    entry_points = {Path("manage.py"), Path("xcloud/wsgi.py"), Path("xcloud/celery.py")}
    found = [
        f"{file}:{line} reads the environment"
        for file, tree in [*sources(*SERVING), (Path("manage.py"), ast.parse((ROOT / "manage.py").read_text()))]
        if file != Path("xcloud/env.py")
        for line in environment_reads(tree)
        if not (file in entry_points and SETTINGS_MODULE in (ROOT / file).read_text().splitlines()[line - 1])
    ]
    assert found == []


def test_only_the_settings_use_the_readers_of_the_environment() -> None:
    users = {file for file, tree in sources(*SERVING) for module, _ in imported(tree) if module == "xcloud.env"}
    assert users == {Path("xcloud/settings.py")}


def test_every_file_states_its_job_and_has_at_most_350_lines() -> None:
    found = [
        str(file)
        for file, tree in sources(*SERVING, "training", "benchmarks", "tests")
        if "migrations" not in file.parts and tree.body
        if ast.get_docstring(tree) is None or len((ROOT / file).read_text().splitlines()) > 350
    ]
    assert found == []
