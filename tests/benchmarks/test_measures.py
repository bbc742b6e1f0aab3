"""Benchmarks count faces found by both and multiply-adds, and make the same scenes for the same seed."""

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from PIL import Image

from benchmarks.checks import check_costs
from benchmarks.floor import multiply_adds
from benchmarks.peers.__main__ import found_too
from benchmarks.scenes import SIZES, photos_or_scenes, write_scenes
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, Box


def test_a_face_of_the_peer_counts_as_found_if_the_overlap_is_half(astronaut: bytes) -> None:
    result = get_engine(EngineConfig()).analyze(astronaut, AnalysisOptions(attributes=frozenset()))
    ours = replace(result, faces=(replace(result.faces[0], box=Box(10, 10, 20, 20)),))

    assert found_too([[10, 10, 30, 30], [100, 100, 120, 120]], ours) == 1
    assert found_too([[10, 17, 30, 37]], ours) == 0  # 260 of 540 pixels
    assert found_too([[10, 16, 30, 36]], ours) == 1  # 280 of 520 pixels
    assert found_too([], ours) == 0
    assert found_too([[10, 10, 30, 30]], replace(result, faces=())) == 0


def test_what_a_face_costs_beside_its_answers_is_the_mean_of_all_faces(
    astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.003, 0.001, 0.002, 0.004, 0.005, 0.004, 0.002, 0.002, 0.002] * 2)
    monkeypatch.setattr("benchmarks.checks.cpu_seconds", lambda work: (work(), next(seconds))[1])

    costs = check_costs(get_engine(EngineConfig(threads=1)), [astronaut, astronaut])

    assert costs == {"second crop": 1.0, "check": 4.0, "quality": 2.0, "together": 7.0, "faces": 2}


@pytest.mark.parametrize(
    ("net", "shape", "expected"),
    [
        # 22² · 32 · 27 + 9² · 48 · 288 + 3² · 64 · 192 + 576 · 128 + 128 · 5
        ("rnet", (1, 3, 24, 24), 1_722_880),
        # 10² · 16 · 27 + 3² · 16 · 90 + 1 · 32 · 144 + 1 · 5 · 32: six of the ten channels are computed twice
        ("pnet", (1, 3, 12, 12), 60_928),
    ],
)
def test_multiply_adds_are_those_of_every_convolution_and_product(
    net: str, shape: tuple[int, ...], expected: int
) -> None:
    assert multiply_adds(onnx.load(WEIGHTS_DIR / f"mtcnn-{net}.onnx"), shape) == expected


def test_the_same_seed_gives_the_same_scenes(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        write_scenes(tmp_path / folder, count=2)

    one, other = (sorted((tmp_path / folder).glob("*.jpg")) for folder in ("one", "other"))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in other]
    assert len({file.read_bytes() for file in one}) == 2


def test_scenes_are_written_once_for_a_count_and_a_seed(tmp_path: Path) -> None:
    folders = [photos_or_scenes(None, tmp_path, count, seed) for count, seed in ((1, 1), (1, 2), (2, 1))]
    written = [[file.read_bytes() for file in sorted(folder.iterdir())] for folder in folders]

    assert [len(files) for files in written] == [1, 1, 2]
    assert written[0] != written[1]
    assert written[0] == written[2][:1]
    times = [file.stat().st_mtime_ns for file in folders[0].iterdir()]
    assert photos_or_scenes(None, tmp_path, count=1, seed=1) == folders[0]
    assert [file.stat().st_mtime_ns for file in folders[0].iterdir()] == times
    assert photos_or_scenes(tmp_path) == tmp_path


def test_partly_written_scenes_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(scene: Image.Image, path: Path, quality: int) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        with pytest.raises(OSError, match="No space left"):
            photos_or_scenes(None, tmp_path, count=1)

    (file,) = photos_or_scenes(None, tmp_path, count=1).iterdir()
    with Image.open(file) as scene:
        assert scene.size in SIZES
