"""The last check on what the cascade found: faces stay, mistakes go, and confidence is its probability."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cv.engine.align import crop_similarity, warp
from cv.engine.check import FaceCheck, cascade_logits
from cv.engine.config import WEIGHTS_DIR, Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import CheckModel, read_manifest
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine, load_detector
from cv.engine.types import AnalysisOptions, Box, Detection, Landmarks, QualityWarning


@pytest.fixture(scope="module")
def model() -> CheckModel:
    found = read_manifest(WEIGHTS_DIR).check
    assert found is not None
    return found


@pytest.fixture(scope="module")
def check(model: CheckModel) -> FaceCheck:
    return FaceCheck.load(model, EngineConfig(threads=1))


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_an_almost_black_face_stays_one_and_is_said_to_be_dark(
    engine: Engine, portraits: dict[str, Image.Image]
) -> None:
    (face,) = engine.analyze(png(portraits["astronaut"].point(lambda value: value * 0.1))).faces

    assert face.quality.warnings == (QualityWarning.DARK,)
    assert face.quality.score < 0.5


def cut(image: Image.Image, faces: list[Detection], check: FaceCheck) -> np.ndarray:
    crop = check.crop
    return np.stack([warp(image, crop_similarity(face.landmarks, crop), crop.size) for face in faces])


def invented(left: float, top: float) -> Detection:
    """What a cascade that is sure of itself might find anywhere."""
    marks = [(30, 35), (60, 35), (45, 52), (32, 66), (58, 66)]
    return Detection(Box(left, top, 90, 100), 0.99, Landmarks(*((left + x, top + y) for x, y in marks)))


def test_faces_stay_and_a_sure_mistake_goes(check: FaceCheck, portraits: dict[str, Image.Image]) -> None:
    """The mistakes are the astronaut's arm with its badge and the shuttle behind her."""
    image = portraits["pair"]
    faces = load_detector(EngineConfig()).detect(image, 40, 10)
    mistakes = [replace(invented(left, top), confidence=0.9) for left, top in ((60, 390), (400, 20))]

    kept = check.keep_faces([*faces, *mistakes], cut(image, [*faces, *mistakes], check))

    assert [face.detection.box for face in kept] == [face.box for face in faces]
    assert all(face.detection.confidence > 0.95 for face in kept)


@pytest.mark.parametrize(
    ("name", "quarters"),
    [("astronaut", 1), ("astronaut", 2), ("grace_hopper", 1), ("grace_hopper", 2), ("grace_hopper", 3)],
)
def test_a_face_that_is_read_the_wrong_way_up_does_not_stand(
    check: FaceCheck, portraits: dict[str, Image.Image], name: str, quarters: int
) -> None:
    (face,) = load_detector(EngineConfig()).detect(portraits[name], 40, 10)
    chips = cut(portraits[name], [face], check)

    assert [kept.stands for kept in check.keep_faces([face], chips)] == [True]
    assert not any(kept.stands for kept in check.keep_faces([face], np.rot90(chips, quarters, axes=(1, 2))))


def test_a_blurred_face_stays(engine: Engine, portraits: dict[str, Image.Image]) -> None:
    small = portraits["astronaut"].resize((130, 130), Image.Resampling.BOX).resize((512, 512))

    (face,) = engine.analyze(png(small)).faces

    assert face.box.x == pytest.approx(180, abs=10)


def test_probability_comes_from_both_logits(model: CheckModel) -> None:
    plain = replace(model, bias=-1.0, chip=2.0, cascade=0.5)
    check = FaceCheck(lambda batch: [batch.mean(axis=(1, 2, 3))[:, None] / 100], plain)
    chips = np.full((2, 48, 48, 3), 100, np.uint8)
    chips[1] = 0

    assert check.logits(chips) == pytest.approx([1, 0])
    likely = check.probabilities(check.logits(chips), np.array([0.5, 0.5]))
    assert likely == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.e)])
    assert cascade_logits(np.array([0.5, 0.9])) == pytest.approx([0, np.log(9)])
    assert np.isfinite(cascade_logits(np.array([0.0, 1.0]))).all()
    assert check.keep_faces([], chips[:0]) == []


def test_both_backends_say_the_same(model: CheckModel, check: FaceCheck) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (40, 48, 48, 3), dtype=np.uint8)

    reference = FaceCheck.load(model, EngineConfig(threads=1, backend=Backend.TORCH))

    np.testing.assert_allclose(check.logits(chips), reference.logits(chips), atol=1e-3)


def test_a_mistake_that_is_larger_does_not_take_the_place_of_the_only_face_asked_for(
    engine: Engine, portraits: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    large = replace(invented(60, 390), box=Box(60, 300, 300, 200), confidence=0.9)
    found = engine.detector.detect(portraits["astronaut"], 40, 10)
    monkeypatch.setattr("cv.engine.detect.mtcnn.Detector.detect", lambda *_: [large, *found])

    (face,) = engine.analyze(png(portraits["astronaut"]), AnalysisOptions(max_faces=1)).faces

    assert face.box == found[0].box


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS_DIR, tmp_path / "weights"))


def change_manifest(weights: Path, change: Callable[[dict], object]) -> None:
    path = weights / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_weights_without_a_check_answer_what_the_cascade_finds(
    weights: Path, engine: Engine, astronaut: bytes, portraits: dict[str, Image.Image]
) -> None:
    change_manifest(weights, lambda manifest: manifest.pop("check"))
    plain = get_engine(EngineConfig(weights_dir=weights))

    (face,) = plain.analyze(astronaut).faces

    assert plain.check is None
    (found,) = plain.detector.detect(portraits["astronaut"], 40, 100)
    assert face.confidence == found.confidence
    assert face.attributes.keys() == engine.analyze(astronaut).faces[0].attributes.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda check: check.pop("threshold"), "check.threshold is missing"),
        (lambda check: check.update(chip="2"), "check.chip is not a number"),
        (lambda check: check["onnx"].update(sha256="0"), "face-check.onnx was changed"),
    ],
)
def test_a_wrong_entry_is_named(weights: Path, change: Callable[[dict], object], message: str) -> None:
    change_manifest(weights, lambda manifest: change(manifest["check"]))

    with pytest.raises(ModelNotReady, match=message):
        get_engine(EngineConfig(weights_dir=weights))
