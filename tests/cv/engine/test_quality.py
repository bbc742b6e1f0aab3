"""The score falls with everything that ruins answers, and each warning names what a person can mend."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from cv.engine.align import crop_similarity, warp
from cv.engine.config import WEIGHTS_DIR, Backend, EngineConfig
from cv.engine.detect import Detector
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.quality import QualityJudge
from cv.engine.runtime import get_engine
from cv.engine.types import Box, Detection, Landmarks, Quality, QualityWarning

SIZE = (512, 512)
W = QualityWarning


@pytest.fixture(scope="module")
def judge() -> QualityJudge:
    return QualityJudge.load(read_manifest(WEIGHTS_DIR).quality, EngineConfig(threads=1))


@pytest.fixture(scope="module")
def face(detector: Detector, portraits: dict[str, Image.Image]) -> Detection:
    return detector.detect(portraits["astronaut"], 40, max_faces=1)[0]


@pytest.fixture(scope="module")
def chip(judge: QualityJudge, face: Detection, portraits: dict[str, Image.Image]) -> np.ndarray:
    return warp(portraits["astronaut"], crop_similarity(face.landmarks, judge.crop), judge.crop.size)


def quality_of(engine: Engine, image: Image.Image | np.ndarray) -> Quality:
    """Of the only face, through the whole line."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    (face,) = engine.analyze(file.getvalue()).faces
    return face.quality


@pytest.mark.parametrize("name", ["astronaut", "grace_hopper"])
def test_a_good_portrait_scores_high_without_warnings(
    engine: Engine, portraits: dict[str, Image.Image], name: str
) -> None:
    quality = quality_of(engine, portraits[name])

    assert quality.score > 0.7
    assert quality.warnings == ()


def blurred(portrait: Image.Image) -> Image.Image:
    return portrait.filter(ImageFilter.GaussianBlur(3))


def noisy(portrait: Image.Image) -> np.ndarray:
    return np.asarray(portrait) + np.random.default_rng(1).normal(0, 40, (512, 512, 1))


def blurred_and_noisy(portrait: Image.Image) -> np.ndarray:
    return np.asarray(blurred(portrait)) + np.random.default_rng(1).normal(0, 25, (512, 512, 3))


def in_one_bit(portrait: Image.Image) -> Image.Image:
    return portrait.convert("1").convert("RGB")


def in_squares(portrait: Image.Image) -> Image.Image:
    damaged, face = portrait.copy(), (170, 50, 280, 185)
    squares = damaged.crop(face).resize((16, 20), Image.Resampling.BOX)
    damaged.paste(squares.resize((110, 135), Image.Resampling.NEAREST), face[:2])
    return damaged


def crushed(portrait: Image.Image) -> Image.Image:
    file = io.BytesIO()
    portrait.save(file, "JPEG", quality=1)
    return Image.open(file).convert("RGB")


def dark(portrait: Image.Image) -> np.ndarray:
    return np.asarray(portrait) * 0.15


def burnt_out(portrait: Image.Image) -> np.ndarray:
    return np.asarray(portrait) * 1.3 + 10.0


def masked(portrait: Image.Image) -> Image.Image:
    damaged = portrait.copy()
    ImageDraw.Draw(damaged).polygon([(180, 128), (225, 115), (270, 128), (265, 160), (225, 175), (185, 160)], "#9cc3dd")
    return damaged


@pytest.mark.parametrize(
    ("damage", "warning"),
    [
        (blurred, W.BLURRED),
        (noisy, W.NOISY),
        # Its large grains look like squares.
        (blurred_and_noisy, W.PIXELATED),
        (in_one_bit, W.NOISY),
        (in_squares, W.PIXELATED),
        (crushed, W.PIXELATED),
        (dark, W.DARK),
    ],
)
def test_damage_that_leaves_no_answer_reliable_is_named_and_halves_the_score(
    engine: Engine,
    portraits: dict[str, Image.Image],
    damage: Callable[[Image.Image], Image.Image | np.ndarray],
    warning: QualityWarning,
) -> None:
    quality = quality_of(engine, damage(portraits["astronaut"]))

    assert quality.score < 0.5
    assert warning in quality.warnings


@pytest.mark.parametrize(("damage", "warning"), [(burnt_out, W.OVEREXPOSED), (masked, W.OCCLUDED)])
def test_what_hides_a_part_of_a_face_is_named_and_takes_some_of_the_score(
    engine: Engine,
    portraits: dict[str, Image.Image],
    damage: Callable[[Image.Image], Image.Image | np.ndarray],
    warning: QualityWarning,
) -> None:
    quality = quality_of(engine, damage(portraits["astronaut"]))

    assert quality.score < 0.75 * quality_of(engine, portraits["astronaut"]).score
    assert quality.warnings == (warning,)


def test_film_grain_is_no_damage(engine: Engine, portraits: dict[str, Image.Image]) -> None:
    grain = np.random.default_rng(1).normal(0, 4, (512, 512, 1))

    quality = quality_of(engine, np.asarray(portraits["astronaut"]) + grain)

    assert quality.score > 0.5
    assert quality.warnings == ()


def test_what_is_no_face_for_sure_scores_as_much_less(judge: QualityJudge, face: Detection, chip: np.ndarray) -> None:
    sure, unsure = judge.assess([face, replace(face, confidence=0.4)], np.stack([chip, chip]), SIZE)

    assert unsure.score == pytest.approx(0.4 / face.confidence * sure.score)


def test_a_small_face_is_called_small(judge: QualityJudge, face: Detection, chip: np.ndarray) -> None:
    (quality,) = judge.assess([replace(face, box=Box(100, 100, 30, 34))], chip[None], SIZE)

    assert quality.warnings == (W.SMALL_FACE,)


@pytest.mark.parametrize(("share", "warned"), [(0.0, False), (0.12, True), (0.5, True)])
def test_a_face_that_the_picture_cuts_off_is_partly_outside(
    judge: QualityJudge, face: Detection, chip: np.ndarray, share: float, warned: bool
) -> None:
    """The picture ends at the right, at the distance from the left cheek (0.15 of the chip) that cuts off ``share``."""
    to_image = crop_similarity(face.landmarks, replace(judge.crop, size=1)).inverse()
    ends_at = round((to_image.a * (0.15 + 0.7 * (1 - share) + 0.5j) + to_image.b).real)

    (quality,) = judge.assess([face], chip[None], (ends_at, 512))

    assert (W.PARTLY_OUTSIDE in quality.warnings) == warned


def test_the_rest_of_a_face_that_was_cut_off_scores_low(judge: QualityJudge, face: Detection, chip: np.ndarray) -> None:
    rest = chip.copy()
    rest[:, 45:] = 0

    whole, cut = judge.assess([face, face], np.stack([chip, rest]), SIZE)

    assert cut.score < 0.5 * whole.score


def test_a_nose_over_one_eye_is_a_turned_face(judge: QualityJudge, face: Detection, chip: np.ndarray) -> None:
    profile = replace(face, landmarks=Landmarks((200, 200), (240, 200), (238, 220), (205, 240), (235, 240)))

    (quality,) = judge.assess([profile], chip[None], SIZE)

    assert quality.warnings == (W.TURNED,)
    assert quality.score == 0


@pytest.mark.parametrize(
    ("pose", "warnings"),
    [
        ((0.0, 30.0, 10.0), ()),
        ((20.0, 0.0, 0.0), ()),
        ((-45.0, 0.0, 0.0), (W.TURNED,)),
        ((45.0, 0.0, 0.0), (W.TURNED,)),
        ((0.0, 0.0, -90.0), (W.TILTED,)),
        ((60.0, 0.0, 135.0), (W.TURNED, W.TILTED)),
    ],
)
def test_a_pose_decides_whether_a_face_is_turned_or_tilted_but_not_the_score(
    judge: QualityJudge,
    face: Detection,
    chip: np.ndarray,
    pose: tuple[float, float, float],
    warnings: tuple[QualityWarning, ...],
) -> None:
    (plain,) = judge.assess([face], chip[None], SIZE)
    (posed,) = judge.assess([face], chip[None], SIZE, [pose])

    assert posed == replace(plain, warnings=warnings)


def test_eyes_in_one_point_count_as_turned_and_do_not_divide_by_zero(
    judge: QualityJudge, face: Detection, chip: np.ndarray
) -> None:
    broken = replace(face, landmarks=Landmarks((5, 5), (5, 5), (5, 5), (5, 5), (5, 5)))

    assert judge.assess([broken], chip[None], SIZE)[0].score == 0


def test_a_picture_without_faces_has_no_qualities(judge: QualityJudge) -> None:
    assert judge.assess([], np.empty((0, 150, 150, 3), np.uint8), SIZE) == []


def test_both_backends_say_the_same(judge: QualityJudge) -> None:
    chips = np.random.default_rng(1).integers(0, 256, (40, 150, 150, 3), dtype=np.uint8)

    reference = QualityJudge.load(judge.model, EngineConfig(threads=1, backend=Backend.TORCH))

    np.testing.assert_allclose(judge.logits(chips), reference.logits(chips), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: entry.pop("slope"), "quality.slope is missing"),
        (lambda entry: entry.update(bias="2"), "quality.bias is not a number"),
        (lambda entry: entry["thresholds"].update(ugly=1), "quality.thresholds.ugly is none of small_face, blurred"),
        (lambda entry: entry["onnx"].update(sha256="0"), "quality.onnx was changed"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: Callable[[dict], object], message: str) -> None:
    weights = Path(shutil.copytree(WEIGHTS_DIR, tmp_path / "weights"))
    manifest = json.loads((weights / "manifest.json").read_text())
    change(manifest["quality"])
    (weights / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ModelNotReady, match=message):
        get_engine(EngineConfig(weights_dir=weights))
