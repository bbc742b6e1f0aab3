"""The similarity transform and the chips that it cuts."""

import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cv.engine.align import (
    TEMPLATE,
    XCLOUD_5,
    Crop,
    chip_similarity,
    crop_similarity,
    fit_similarity,
    warp,
    whole_picture_similarity,
)
from cv.engine.detect import Detector
from cv.engine.types import Landmarks

SIZE = 150


def landmarks_at(points: np.ndarray) -> Landmarks:
    left_eye, right_eye, nose, mouth_left, mouth_right = ((float(x), float(y)) for x, y in points)
    return Landmarks(left_eye, right_eye, nose, mouth_left, mouth_right)


def test_a_known_rotation_scale_and_shift_is_found_again() -> None:
    source = np.array([[0.0, 0.0], [10, 0], [5, 5], [2, 9], [8, 9]])
    angle, scale = math.radians(30), 2.5
    rotation = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    found = fit_similarity(source, source @ rotation.T + [7, -3])

    assert found.scale == pytest.approx(scale)
    assert math.degrees(math.atan2(found.a.imag, found.a.real)) == pytest.approx(30)
    assert (found.b.real, found.b.imag) == pytest.approx((7, -3))


def test_points_that_fall_together_give_a_transform_all_the_same() -> None:
    found = fit_similarity(np.full((5, 2), 3.0), TEMPLATE)

    assert found.scale == 1


def test_off_centre_face_is_cropped_where_it_stands() -> None:
    """Five dots drawn at the landmarks of a face in a corner land on the template's points, x as x and y as y."""
    image = Image.new("RGB", (1000, 400))
    points = np.array([[850.0, 60], [890, 70], [865, 95], [845, 110], [880, 118]])
    draw = ImageDraw.Draw(image)
    for x, y in points:
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill="white")

    chip = warp(image, chip_similarity(landmarks_at(points), SIZE), SIZE)

    to_chip = chip_similarity(landmarks_at(points), SIZE)
    for x, y in points:
        z = to_chip.a * complex(x, y) + to_chip.b
        assert chip[round(z.imag), round(z.real)].tolist() == [255, 255, 255]
    mean_error = np.mean(
        [abs(to_chip.a * complex(*p) + to_chip.b - complex(*t)) for p, t in zip(points, TEMPLATE * SIZE, strict=True)]
    )
    assert mean_error < 8


def test_eyes_of_a_real_face_land_on_the_template(detector: Detector, portraits: dict[str, Image.Image]) -> None:
    (face,) = detector.detect(portraits["astronaut"], 40, max_faces=1)

    chip = Image.fromarray(warp(portraits["astronaut"], chip_similarity(face.landmarks, SIZE), SIZE))
    (again,) = detector.detect(chip, 40, max_faces=1)

    np.testing.assert_allclose([again.landmarks.left_eye, again.landmarks.right_eye], TEMPLATE[:2] * SIZE, atol=5)


def test_outside_of_the_picture_is_black() -> None:
    chip = warp(Image.new("RGB", (100, 100), "white"), whole_picture_similarity((100, 50), SIZE), SIZE)

    assert chip[5].max() == 0
    assert chip[75].min() == 255


def test_face_outside_of_the_picture_gives_a_black_chip() -> None:
    points = TEMPLATE * 50 + [5000, 5000]

    assert warp(Image.new("RGB", (100, 100), "white"), chip_similarity(landmarks_at(points), SIZE), SIZE).max() == 0


def test_large_face_is_averaged_not_sampled() -> None:
    """A fine black and white pattern becomes grey; sampling single pixels would keep it black and white."""
    stripes = np.zeros((2000, 2000, 3), dtype=np.uint8)
    stripes[:, ::2] = 255

    chip = warp(Image.fromarray(stripes), whole_picture_similarity((2000, 2000), SIZE), SIZE)

    assert 100 < chip[20:-20, 20:-20].min() <= chip[20:-20, 20:-20].max() < 155


def test_a_crop_with_a_margin_shows_the_template_in_its_middle_and_a_share_around_it() -> None:
    points = TEMPLATE * 80 + [300, 200]

    to_chip = crop_similarity(landmarks_at(points), Crop(XCLOUD_5, 120, margin=0.25))

    placed = [to_chip.a * complex(*point) + to_chip.b for point in points]
    np.testing.assert_allclose([[z.real, z.imag] for z in placed], TEMPLATE * 80 + 20, atol=1e-9)


def test_a_crop_without_a_margin_is_a_chip_of_its_size() -> None:
    landmarks = landmarks_at(TEMPLATE * [90, 110] + [7, 3])

    assert crop_similarity(landmarks, Crop(XCLOUD_5, 150)) == chip_similarity(landmarks, 150)
