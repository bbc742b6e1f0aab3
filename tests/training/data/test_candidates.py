"""A candidate is a face only if it lies on the known one, the same way up."""

import io

import numpy as np
import pytest
from PIL import Image

from cv.engine.align import XCLOUD_5, Crop
from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.runtime import load_detector
from cv.engine.types import Box, Detection, Landmarks
from training.data.candidates import Kind, change, judge, mine_portrait

CROP = Crop(XCLOUD_5, 66, 0.53125)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector(EngineConfig())


@pytest.fixture(scope="module")
def portrait(astronaut: bytes) -> Image.Image:
    return Image.open(io.BytesIO(astronaut)).convert("RGB")


def face_at(centre: complex, turn: complex = 1, size: float = 100) -> Detection:
    points = [centre + turn * size * (complex(*point) - (0.5 + 0.5j)) for point in XCLOUD_5.points]
    box = Box(centre.real - size / 2, centre.imag - size / 2, size, size)
    return Detection(box, 0.8, Landmarks(*((z.real, z.imag) for z in points)))


@pytest.mark.parametrize(
    ("candidate", "kind"),
    [
        (face_at(205 + 200j), Kind.FACE),
        (face_at(200 + 200j, turn=-1), Kind.MISTAKE),
        (face_at(200 + 200j, turn=1j), Kind.MISTAKE),
        (face_at(190 + 190j, size=30), Kind.MISTAKE),
        (face_at(240 + 200j), None),
        (face_at(400 + 400j), Kind.MISTAKE),
    ],
    ids=["on it", "upside down", "on its side", "a part of it", "between", "elsewhere"],
)
def test_candidates_are_told_from_the_known_face(candidate: Detection, kind: Kind | None) -> None:
    assert judge(candidate, [face_at(200 + 200j).landmarks]) == kind


def test_a_sure_candidate_elsewhere_may_be_a_second_person() -> None:
    sure = Detection(Box(350, 350, 100, 100), 0.99, face_at(400 + 400j).landmarks)

    assert judge(sure, [face_at(200 + 200j).landmarks]) is Kind.UNSURE
    assert judge(sure, []) is Kind.MISTAKE


def test_a_changed_picture_shows_each_point_where_the_map_says() -> None:
    dot = Image.new("RGB", (300, 200), "black")
    dot.paste((255, 255, 255), (190, 90, 210, 110))

    for seed in range(8):
        changed = change(dot, 100, np.random.default_rng(seed))

        pixels = np.asarray(changed.image.convert("L"), np.float64)
        # JPEG may leave the whole background one step above black.
        pixels[pixels < 24] = 0
        rows, columns = np.indices(pixels.shape) + 0.5
        centre = complex((columns * pixels).sum(), (rows * pixels).sum()) / pixels.sum()
        expected = changed.to_changed.a * (200 + 100j) + changed.to_changed.b
        assert abs(centre - expected) < 3


def test_a_portrait_gives_its_face_and_only_that_as_one(detector: Detector, portrait: Image.Image) -> None:
    found = list(mine_portrait(detector, portrait, CROP, np.random.default_rng(1)))

    assert found[0].kind is Kind.FACE
    assert found[0].chip.shape == (66, 66, 3)
    assert found[0].score > 0.99
