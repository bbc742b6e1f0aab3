"""The engine sends and stores no usage data."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RUN = """
import cv.engine.runtime, cv.engine.config, sys
engine = cv.engine.runtime.get_engine(cv.engine.config.EngineConfig())
from cv.engine.types import AnalysisOptions
print(len(engine.analyze(open(sys.argv[1], "rb").read(), AnalysisOptions()).faces))
"""


def test_an_analysis_leaves_no_record_of_its_use(tmp_path: Path, grace_hopper: bytes) -> None:
    """ONNX Runtime would store its records in a database in the user's home folder, and send them from there."""
    photo, home = tmp_path / "photo.jpg", tmp_path / "home"
    photo.write_bytes(grace_hopper)
    home.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(photo)],
        cwd=ROOT,
        env={**inherited, "HOME": str(home), "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"
    assert list(home.rglob("*")) == []
