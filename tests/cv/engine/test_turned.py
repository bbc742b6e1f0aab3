"""Pictures that lie on their side or stand on their head: found the right way up, and warned of."""

import io

import numpy as np
import pytest
from PIL import Image

from cv.engine import pipeline
from cv.engine.detect.turned import detect_turned, detect_turned_near, drop_doubles
from cv.engine.pipeline import Engine
from cv.engine.types import Box, Detection, Landmarks, QualityWarning

QUARTERS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def landmarks_at(turn: complex) -> Landmarks:
    """An upright face turned about the origin."""
    points = [turn * z for z in (-10 - 10j, 10 - 10j, 0, -8 + 10j, 8 + 10j)]
    return Landmarks(*((z.real, z.imag) for z in points))


@pytest.mark.parametrize(("turn", "degrees"), [(1, 0), (1j, 90), (-1j, -90), (np.exp(1j * np.pi / 6), 30)])
def test_roll_is_the_turn_of_the_face_clockwise(turn: complex, degrees: float) -> None:
    assert landmarks_at(turn).roll == pytest.approx(degrees)


def test_a_face_on_its_head_has_a_roll_of_half_a_turn() -> None:
    assert abs(landmarks_at(-1).roll) == pytest.approx(180)


@pytest.mark.parametrize("quarters", QUARTERS)
@pytest.mark.parametrize("size", [(512, 512), (500, 420), (1500, 1300)])
def test_a_turned_picture_has_its_landmarks_where_they_stand(
    engine: Engine, portraits: dict[str, Image.Image], quarters: int, size: tuple[int, int]
) -> None:
    """The upright picture's landmarks, turned with it, are those that the search in other directions gives."""
    scale = max(size) / 512
    whole = portraits["astronaut"].resize((round(512 * scale),) * 2)
    upright = whole.crop((0, 0, *size))
    (expected,) = engine.detector.detect(upright, 40 * scale, 1)
    width, height = size
    turned = {
        1: lambda x, y: (y, width - x),
        2: lambda x, y: (width - x, height - y),
        3: lambda x, y: (height - y, x),
    }[quarters]

    found = detect_turned(engine.detector, upright.transpose(QUARTERS[quarters]), 40, 10)

    best = min(found, key=lambda face: abs(face.landmarks.nose[0] - turned(*expected.landmarks.nose)[0]))
    points = [turned(*point) for point in expected.landmarks]
    np.testing.assert_allclose(list(best.landmarks), points, atol=4 * scale)
    left, top = best.box.x, best.box.y
    assert all(left < x < left + best.box.width and top < y < top + best.box.height for x, y in points)


@pytest.mark.parametrize("picture", ["astronaut", "grace_hopper"])
@pytest.mark.parametrize("quarters", QUARTERS)
def test_a_picture_that_is_not_upright_gets_the_answers_of_the_upright_one(
    engine: Engine, portraits: dict[str, Image.Image], picture: str, quarters: int
) -> None:
    (upright,) = engine.analyze(png(portraits[picture])).faces
    (face,) = engine.analyze(png(portraits[picture].transpose(QUARTERS[quarters]))).faces

    assert QualityWarning.TILTED in face.quality.warnings
    assert QualityWarning.TILTED not in upright.quality.warnings
    assert face.landmarks.roll == pytest.approx([0, -90, 180, 90][quarters], abs=12) or quarters == 2
    for name in ("gender", "race", "expression"):
        assert face.attributes[name].label == upright.attributes[name].label
    assert face.attributes["age"].value == pytest.approx(upright.attributes["age"].value, abs=5)


@pytest.mark.parametrize("quarters", QUARTERS)
def test_a_face_is_found_the_right_way_up_in_the_part_around_it(
    engine: Engine, portraits: dict[str, Image.Image], quarters: int
) -> None:
    picture = portraits["astronaut"].transpose(QUARTERS[quarters])
    whole = max(detect_turned(engine.detector, picture, 40, 10), key=lambda face: face.confidence)

    near = max(detect_turned_near(engine.detector, picture, whole.box), key=lambda face: face.confidence)

    np.testing.assert_allclose(list(near.landmarks), list(whole.landmarks), atol=6)


def test_a_picture_whose_unsure_face_looks_best_as_it_stands_is_not_searched_again(
    engine: Engine, portraits: dict[str, Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = engine.analyze(png(portraits["astronaut"]))
    monkeypatch.setattr(pipeline, "_SURE", 2)
    monkeypatch.setattr(pipeline, "detect_turned", lambda *_: pytest.fail("the whole picture was searched"))

    assert engine.analyze(png(portraits["astronaut"])).faces == sure.faces


def test_of_two_readings_of_one_face_the_surer_stays() -> None:
    marks = landmarks_at(1)
    wrong = Detection(Box(1, 1, 20, 20), 0.7, marks)
    right = Detection(Box(0, 0, 20, 20), 0.9, marks)
    other = Detection(Box(50, 50, 30, 30), 0.6, marks)

    assert drop_doubles([wrong, right, other]) == [other, right]
    assert drop_doubles([]) == []
