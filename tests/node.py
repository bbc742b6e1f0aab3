"""The TypeScript project of tests/clients, with the packages of its lock: installed once for each lock."""

import shutil
import subprocess
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests" / "clients" / "typescript"
# What the generator needs.
OLDEST_NODE = (20, 19)


def unusable() -> str:
    """Why a TypeScript client cannot be generated here; empty if it can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "node and npm are not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < OLDEST_NODE:
        return f"node {version} is older than v{'.'.join(map(str, OLDEST_NODE))}"
    return _install(npm)


def project() -> Path:
    """The folder with the packages, which ``unusable`` installs."""
    return ROOT / ".cache" / f"typescript-{zlib.crc32((SOURCE / 'package-lock.json').read_bytes()):08x}"


def _install(npm: str) -> str:
    folder = project()
    if (folder / "installed").exists():
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        return f"npm cannot install its packages: {' '.join(ended.stderr.split())[:200]}"
    (folder / "installed").touch()
    return ""
