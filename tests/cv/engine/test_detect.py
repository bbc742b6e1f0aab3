"""The cascade finds what the reference cascade finds.

REFERENCE holds what facenet-pytorch 2.6.0 returned for the same pictures on a CPU with torch 2.2.2:
``MTCNN(keep_all=True, min_face_size=…).detect(image, landmarks=True)``. ``pair`` is both portraits pasted side by side
at the top of a 1024 × 600 canvas of grey 127. Boxes are x1, y1, x2, y2; landmarks left eye, right eye, nose, left and
right corner of the mouth, as seen in the picture.
"""

import io

import numpy as np
import pytest
from PIL import Image

from cv.engine.detect import Detector
from cv.engine.detect.boxes import nms, regress, strongest, to_squares
from cv.engine.detect.pyramid import pyramid_scales
from cv.engine.types import Detection

TOLERANCE_PX = 0.5

REFERENCE = {
    ("astronaut", 20): [
        (
            [181.05, 62.16, 267.75, 172.05],
            [[205.01, 101.73], [246.76, 103.71], [224.67, 128.96], [201.72, 139.25], [245.27, 141.86]],
        )
    ],
    ("astronaut", 40): [
        (
            [180.32, 60.71, 268.4, 172.17],
            [[205.37, 101.48], [246.86, 103.11], [225.06, 129.24], [201.15, 139.58], [245.14, 141.09]],
        )
    ],
    ("grace_hopper", 20): [
        (
            [174.4, 119.56, 355.65, 340.46],
            [[221.67, 192.21], [309.83, 186.13], [269.36, 239.17], [232.65, 279.65], [306.64, 275.93]],
        )
    ],
    ("grace_hopper", 40): [
        (
            [163.72, 105.84, 347.64, 344.03],
            [[220.33, 189.92], [308.47, 187.09], [269.23, 238.88], [230.43, 282.64], [306.78, 279.59]],
        )
    ],
    ("pair", 20): [
        (
            [683.94, 111.91, 865.91, 329.21],
            [[733.8, 193.26], [819.67, 187.92], [778.94, 238.94], [743.94, 277.31], [818.22, 273.87]],
        ),
        (
            [179.54, 60.57, 267.41, 171.43],
            [[204.87, 100.72], [246.88, 102.86], [225.04, 129.04], [201.68, 138.86], [244.78, 141.58]],
        ),
    ],
    ("pair", 40): [
        (
            [674.43, 106.33, 858.99, 341.05],
            [[733.93, 189.04], [819.21, 186.32], [782.01, 236.22], [742.48, 276.92], [819.63, 276.4]],
        ),
        (
            [178.66, 60.19, 267.98, 172.37],
            [[204.35, 100.87], [246.93, 102.86], [224.45, 129.87], [201.19, 139.83], [245.2, 141.85]],
        ),
    ],
}


def corners(detection: Detection) -> list[float]:
    box = detection.box
    return [box.x, box.y, box.x + box.width, box.y + box.height]


def points(detection: Detection) -> list[tuple[float, float]]:
    marks = detection.landmarks
    return [marks.left_eye, marks.right_eye, marks.nose, marks.mouth_left, marks.mouth_right]


@pytest.mark.parametrize(("picture", "min_face_px"), REFERENCE)
def test_boxes_and_landmarks_are_those_of_the_reference_cascade(
    detector: Detector, portraits: dict[str, Image.Image], picture: str, min_face_px: int
) -> None:
    found = detector.detect(portraits[picture], min_face_px, max_faces=10)

    expected = REFERENCE[picture, min_face_px]
    assert len(found) == len(expected)
    for detection, (box, landmarks) in zip(found, expected, strict=True):
        np.testing.assert_allclose(corners(detection), box, atol=TOLERANCE_PX)
        np.testing.assert_allclose(points(detection), landmarks, atol=TOLERANCE_PX)
        assert detection.confidence > 0.999


def test_faces_come_largest_first_and_no_more_than_asked_for(
    detector: Detector, portraits: dict[str, Image.Image]
) -> None:
    (only,) = detector.detect(portraits["pair"], 40, max_faces=1)

    assert only.box.x == pytest.approx(674.43, abs=TOLERANCE_PX)


def test_a_thumbnail_is_searched_for_smaller_faces_and_a_small_part_of_a_picture_is_not(
    detector: Detector, portraits: dict[str, Image.Image]
) -> None:
    small = portraits["astronaut"].resize((96, 96))

    (face,) = detector.detect(small, 40, max_faces=10)

    assert face.box.width == pytest.approx(16, abs=2)
    assert detector.search(small, 40, max_faces=10) == []


def test_a_face_moved_in_the_picture_is_found_where_it_stands(
    detector: Detector, portraits: dict[str, Image.Image]
) -> None:
    canvas = Image.new("RGB", (900, 700), (127, 127, 127))
    canvas.paste(portraits["astronaut"].crop((150, 20, 300, 200)), (700, 40))

    (face,) = detector.detect(canvas, 40, max_faces=10)

    np.testing.assert_allclose(corners(face), [700 + 30, 40 + 41, 700 + 118, 40 + 152], atol=5)


@pytest.mark.parametrize(
    ("picture", "crop", "tolerance_px"),
    [("astronaut", (185, 75, 265, 160), 3), ("grace_hopper", (190, 150, 340, 320), 9)],
)
def test_a_face_that_the_picture_cuts_off_has_its_landmarks_where_they_stand(
    detector: Detector,
    portraits: dict[str, Image.Image],
    picture: str,
    crop: tuple[int, int, int, int],
    tolerance_px: int,
) -> None:
    """Those of facenet-pytorch are up to 28 and 62 pixels off: see ``cv.engine.detect.mtcnn._inside``."""
    (face,) = detector.detect(portraits[picture].crop(crop), 40, max_faces=10)

    ((box, landmarks),) = REFERENCE[picture, 40]
    np.testing.assert_allclose(np.add(points(face), crop[:2]), landmarks, atol=tolerance_px)
    np.testing.assert_allclose(np.add(corners(face), [*crop[:2]] * 2), box, atol=3 * tolerance_px)


@pytest.mark.parametrize("size", [(1, 1), (11, 400), (12, 12), (400, 300)])
def test_a_picture_without_a_face_gives_none(detector: Detector, size: tuple[int, int]) -> None:
    assert detector.detect(Image.new("RGB", size, "grey"), 40, max_faces=10) == []


def test_noise_gives_no_face(detector: Detector) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)

    assert detector.detect(Image.fromarray(noise), 20, max_faces=10) == []


def test_the_pyramid_runs_from_the_smallest_face_to_the_whole_picture() -> None:
    scales = pyramid_scales(shorter_side=100, min_face_px=24)

    assert scales == pytest.approx([0.5, 0.3545, 0.25134, 0.178203, 0.126346], abs=1e-5)


def test_nms_keeps_the_best_of_overlapping_boxes_and_every_lone_one() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], dtype=np.float32)
    scores = np.array([0.8, 0.9, 0.7], dtype=np.float32)

    assert nms(boxes, scores, 0.5).tolist() == [1, 2]
    assert nms(boxes, scores, 0.7).tolist() == [1, 0, 2]  # the intersection over the union is 81 / 119


@pytest.mark.parametrize("over_smaller", [False, True])
def test_nms_of_many_boxes_is_greedy_one_by_one(over_smaller: bool) -> None:
    """More boxes than are compared at a time; the expected ones come from the definition, box by box."""
    dice = np.random.default_rng(5)
    corners = dice.uniform(0, 300, (600, 2))
    boxes = np.hstack([corners, corners + dice.uniform(10, 60, (600, 2))]).astype(np.float32)
    scores = dice.random(600).astype(np.float32)

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        shared = max(width, 0) * max(height, 0)
        one, other = (box[2:] - box[:2] for box in (a, b))
        smaller, both = min(one.prod(), other.prod()), one.prod() + other.prod() - shared
        return float(shared / (smaller if over_smaller else both))

    expected: list[int] = []
    for i in np.argsort(-scores).tolist():
        if all(overlap(boxes[i], boxes[j]) <= 0.5 for j in expected):
            expected.append(i)

    assert 128 < len(expected) < 600
    assert nms(boxes, scores, 0.5, over_smaller=over_smaller).tolist() == expected


def test_nms_over_the_smaller_box_drops_a_box_inside_another() -> None:
    boxes = np.array([[0, 0, 100, 100], [10, 10, 30, 30]], dtype=np.float32)
    scores = np.array([0.9, 0.8], dtype=np.float32)

    assert nms(boxes, scores, 0.7).tolist() == [0, 1]
    assert nms(boxes, scores, 0.7, over_smaller=True).tolist() == [0]


def test_regression_moves_each_side_by_its_share_of_the_size() -> None:
    boxes = np.array([[10, 20, 30, 60]], dtype=np.float32)
    offsets = np.array([[0.1, -0.1, 0.5, 0.25]], dtype=np.float32)

    np.testing.assert_allclose(regress(boxes, offsets, inclusive=False), [[12, 16, 40, 70]])
    np.testing.assert_allclose(regress(boxes, offsets, inclusive=True), [[12.1, 15.9, 40.5, 70.25]], rtol=1e-6)


def test_a_square_grows_about_the_centre() -> None:
    assert to_squares(np.array([[0, 0, 10, 20]], dtype=np.float32)).tolist() == [[-5, 0, 15, 20]]


def test_faces_of_a_large_picture_are_found_where_they_stand(
    detector: Detector, portraits: dict[str, Image.Image]
) -> None:
    """A large picture is searched reduced; its large face is read reduced, its small one from the full picture.

    MTCNN's boxes depend on its pyramid: the reference's move by 14 px from one ``min_face_size`` to the other.
    """
    canvas = Image.new("RGB", (1800, 1400), (127, 127, 127))
    canvas.paste(portraits["grace_hopper"], (100, 50))
    canvas.paste(portraits["astronaut"].resize((256, 256), Image.Resampling.BOX), (1200, 900))

    large, small = detector.detect(canvas, 40, max_faces=10)

    np.testing.assert_allclose(corners(large), np.add([163.72, 105.84, 347.64, 344.03], [100, 50] * 2), atol=16)
    np.testing.assert_allclose(points(large), np.add(REFERENCE["grace_hopper", 40][0][1], [100, 50]), atol=8)
    np.testing.assert_allclose(points(small), np.array(REFERENCE["astronaut", 40][0][1]) / 2 + [1200, 900], atol=2.5)


def test_of_too_many_scores_the_best_stay_in_their_order() -> None:
    scores = np.array([0.7, 0.9, 0.6, 0.95, 0.8], np.float32)
    assert strongest(scores, 3).tolist() == [1, 3, 4]
    assert strongest(scores, 5).tolist() == [0, 1, 2, 3, 4]


def test_a_picture_tiled_with_faces_has_only_so_many_candidates(
    detector: Detector, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = Image.open(io.BytesIO(astronaut)).crop((165, 50, 290, 190)).resize((64, 64))
    tiled = Image.new("RGB", (640, 640))
    for at in range(100):
        tiled.paste(face, (at % 10 * 64, at // 10 * 64))
    assert len(detector.detect(tiled, 40, 1000)) > 90
    monkeypatch.setattr("cv.engine.detect.mtcnn._MOST", 50)
    assert 0 < len(detector.detect(tiled, 40, 1000)) <= 50
