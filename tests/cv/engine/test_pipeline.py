"""Bytes in, described faces out, on photographs of people whose age and looks are known."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cv.engine.align import crop_similarity, warp
from cv.engine.errors import InvalidOptions
from cv.engine.labels import CLASSES, Attribute
from cv.engine.pipeline import Engine
from cv.engine.types import AnalysisOptions


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def test_eileen_collins_is_described_plausibly(engine: Engine, astronaut: bytes) -> None:
    """She was 36 when NASA took the portrait, and smiles."""
    (face,) = engine.analyze(astronaut).faces

    attributes = face.attributes
    assert (attributes["gender"].label, attributes["race"].label, attributes["expression"].label) == (
        "female",
        "white",
        "happiness",
    )
    assert 22 <= attributes["age"].value <= 46
    assert attributes["age"].interval[0] < attributes["age"].value < attributes["age"].interval[1]
    assert 3 <= attributes["beauty"].value <= 9


def test_grace_hopper_is_described_plausibly(engine: Engine, grace_hopper: bytes) -> None:
    """She was 77 when the Navy took the portrait."""
    (face,) = engine.analyze(grace_hopper).faces

    # Under the cap the model cannot tell, and says so: below 0.9 an answer abstains.
    assert face.attributes["gender"].label == "female" or face.attributes["gender"].probabilities["male"] < 0.9
    assert face.attributes["race"].label == "white"
    assert face.attributes["age"].value > 50


def test_every_face_of_a_group_is_described(engine: Engine, portraits: dict[str, Image.Image]) -> None:
    result = engine.analyze(jpeg(portraits["pair"]))

    assert [face.index for face in result.faces] == [0, 1]
    assert [round(face.box.x, -1) for face in result.faces] == [670, 180]
    assert all("expression" in face.attributes for face in result.faces)


def test_probabilities_name_every_class_and_sum_to_one(engine: Engine, astronaut: bytes) -> None:
    attributes = engine.analyze(astronaut).faces[0].attributes

    for attribute, classes in CLASSES.items():
        category = attributes[attribute]
        assert tuple(category.probabilities) == classes
        assert sum(category.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_red_and_blue_are_not_swapped(engine: Engine, portraits: dict[str, Image.Image]) -> None:
    """The chip that the nets see has the colours of the picture: skin is redder than blue."""
    image = portraits["astronaut"]
    (face,) = engine.detector.detect(image, 40, 1)
    chip = warp(image, crop_similarity(face.landmarks, engine.default.crop), engine.default.crop.size)

    red, _, blue = chip.reshape(-1, 3).mean(axis=0)
    assert red > blue + 20


def test_boxes_of_a_reduced_jpeg_are_in_pixels_of_the_full_one(
    engine: Engine, portraits: dict[str, Image.Image]
) -> None:
    large = portraits["astronaut"].resize((3600, 3600), Image.Resampling.BICUBIC)

    result = engine.analyze(jpeg(large))

    assert (result.image.width, result.image.height) == (3600, 3600)
    box = result.faces[0].box
    factor = 3600 / 512
    np.testing.assert_allclose(
        [box.x / factor, box.y / factor, box.width / factor, box.height / factor], [180, 61, 88, 111], atol=8
    )


def test_no_face_is_an_empty_result_with_the_images_facts(engine: Engine, empty_scene: bytes) -> None:
    result = engine.analyze(empty_scene)

    assert result.faces == ()
    assert (result.image.width, result.image.height) == (320, 240)
    assert len(result.image.sha256) == 64
    assert result.model == engine.model


def test_stages_add_up_to_the_total(engine: Engine, astronaut: bytes) -> None:
    timing = engine.analyze(astronaut).timing_ms

    assert min(timing.decode, timing.detect, timing.attributes) > 0
    assert timing.decode + timing.detect + timing.attributes == pytest.approx(timing.total, abs=0.1)


def test_options_choose_attributes_and_faces(engine: Engine, portraits: dict[str, Image.Image]) -> None:
    options = AnalysisOptions(attributes=frozenset({Attribute.GENDER}), max_faces=1)

    (face,) = engine.analyze(jpeg(portraits["pair"]), options).faces

    assert list(face.attributes) == ["gender"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_face_px": 11}, "min_face_px must be from 12 to 4096, not 11"),
        ({"max_faces": 0}, "max_faces must be from 1 to 1000, not 0"),
        ({"attributes": frozenset({"age", "mood"})}, "attributes: mood cannot be asked for"),
    ],
)
def test_options_outside_their_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptions, match=message):
        AnalysisOptions(**options)


def test_threads_share_the_engine_and_get_their_own_answers(
    engine: Engine, astronaut: bytes, grace_hopper: bytes
) -> None:
    alone = [engine.analyze(data).faces for data in (astronaut, grace_hopper)]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda data: engine.analyze(data).faces, [astronaut, grace_hopper] * 4))

    assert together == alone * 4


def test_no_attributes_asked_for_is_detection_alone(engine: Engine, astronaut: bytes) -> None:
    (face,) = engine.analyze(astronaut, AnalysisOptions(attributes=frozenset())).faces

    assert face.attributes == {}
    assert face.quality.score > 0.5


@pytest.mark.parametrize("width", [3190, 3210, 6500])
def test_a_small_face_is_judged_at_full_sharpness_whatever_the_size_of_the_photo(
    engine: Engine, portraits: dict[str, Image.Image], width: int
) -> None:
    """From 3,200 pixels on, the photo is searched at half its size."""
    photo = Image.new("RGB", (width, 2400), (110, 120, 130))
    photo.paste(portraits["astronaut"].resize((300, 300), Image.Resampling.LANCZOS), (1000, 800))
    (face,) = engine.analyze(jpeg(photo)).faces
    assert 44 < face.box.width < 56
    assert face.box.x == pytest.approx(1106, abs=6)
    assert face.quality.score > 0.7
