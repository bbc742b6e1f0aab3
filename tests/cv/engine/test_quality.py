"""Each measure lowers the score and names its warning."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from cv.engine.align import chip_similarity, warp
from cv.engine.detect import Detector
from cv.engine.quality import assess
from cv.engine.types import Box, Detection, Landmarks, QualityWarning

SIZE = (512, 512)


@pytest.fixture(scope="module")
def face(detector: Detector, portraits: dict[str, Image.Image]) -> Detection:
    return detector.detect(portraits["astronaut"], 40, max_faces=1)[0]


@pytest.fixture(scope="module")
def chip(face: Detection, portraits: dict[str, Image.Image]) -> np.ndarray:
    return warp(portraits["astronaut"], chip_similarity(face.landmarks, 112), 112)


def test_a_good_portrait_scores_high_without_warnings(face: Detection, chip: np.ndarray) -> None:
    quality = assess(face, chip, SIZE)

    assert quality.score > 0.8
    assert quality.warnings == ()


def test_a_blurred_face_is_called_blurred(face: Detection, chip: np.ndarray) -> None:
    blurred = np.asarray(Image.fromarray(chip).filter(ImageFilter.GaussianBlur(6)))

    assert assess(face, blurred, SIZE).warnings == (QualityWarning.BLURRED,)


def test_what_rounding_leaves_of_a_blurred_face_is_no_sharpness(face: Detection, chip: np.ndarray) -> None:
    scores = [
        assess(face, np.asarray(Image.fromarray(chip).filter(ImageFilter.GaussianBlur(radius))), SIZE).score
        for radius in (2, 3, 4, 12)
    ]

    assert scores == pytest.approx([1, 0.299, 0.033, 0], abs=0.02)


def test_a_dark_face_is_called_dark(face: Detection, chip: np.ndarray) -> None:
    assert QualityWarning.DARK in assess(face, chip // 6, SIZE).warnings


def test_a_dark_face_is_not_called_blurred_for_it(face: Detection, chip: np.ndarray) -> None:
    assert assess(face, chip // 6, SIZE).warnings == (QualityWarning.DARK,)


def test_the_edge_of_the_picture_in_a_chip_is_no_sharpness(face: Detection, chip: np.ndarray) -> None:
    blurred = np.array(Image.fromarray(chip).filter(ImageFilter.GaussianBlur(6)))
    blurred[:, :15] = 0

    assert assess(face, blurred, SIZE).warnings == (QualityWarning.BLURRED,)


def test_what_the_detector_is_unsure_of_scores_low(face: Detection, chip: np.ndarray) -> None:
    assert assess(replace(face, confidence=0.7), chip, SIZE).score < 0.3


def test_a_small_face_is_called_small(face: Detection, chip: np.ndarray) -> None:
    small = replace(face, box=Box(100, 100, 20, 24))

    quality = assess(small, chip, SIZE)

    assert quality.warnings == (QualityWarning.SMALL_FACE,)
    assert quality.score == pytest.approx((20 - 12) / (48 - 12))


@pytest.mark.parametrize(("share", "score"), [(0.0, 1.0), (0.1, 1 - 0.1 / 0.22), (0.5, 0.0)])
def test_a_face_loses_score_by_the_share_of_it_that_the_picture_cuts_off(
    face: Detection, chip: np.ndarray, share: float, score: float
) -> None:
    """The picture ends at the right, at the distance from the left cheek (0.15 of the chip) that cuts off ``share``."""
    to_image = chip_similarity(face.landmarks, 1).inverse()
    ends_at = round((to_image.a * (0.15 + 0.7 * (1 - share) + 0.5j) + to_image.b).real)

    whole, cut = (assess(face, chip, (width, 512)) for width in (512, ends_at))

    assert cut.score == pytest.approx(whole.score * score, abs=0.1)
    assert (QualityWarning.PARTLY_OUTSIDE in cut.warnings) == (share > 0)


def test_a_nose_over_one_eye_is_a_turned_face(face: Detection, chip: np.ndarray) -> None:
    profile = replace(face, landmarks=Landmarks((200, 200), (240, 200), (238, 220), (205, 240), (235, 240)))

    assert assess(profile, chip, SIZE).warnings == (QualityWarning.TURNED,)


def test_eyes_in_one_point_count_as_turned_and_do_not_divide_by_zero(face: Detection, chip: np.ndarray) -> None:
    broken = replace(face, landmarks=Landmarks((5, 5), (5, 5), (5, 5), (5, 5), (5, 5)))

    assert assess(broken, chip, SIZE).score == 0
