"""Both backends give the same results, and the served results do not change unnoticed."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from cv.engine.align import chip_similarity, crop_similarity, warp
from cv.engine.config import WEIGHTS_DIR, Backend, EngineConfig
from cv.engine.labels import BINS, CLASSES
from cv.engine.manifest import read_manifest
from cv.engine.pipeline import Engine
from cv.engine.readers.attributes import AttributeReader
from cv.engine.runtime import load_detector
from cv.engine.traits import measure_traits
from cv.engine.types import Landmarks


def test_the_served_integers_say_what_pytorch_says(portraits: dict[str, Image.Image]) -> None:
    model = read_manifest(WEIGHTS_DIR).default
    readers = [AttributeReader.load(model, EngineConfig(backend=backend)) for backend in Backend]
    image = portraits["pair"]
    faces = load_detector(EngineConfig()).detect(image, 40, 10)
    chips = np.stack([warp(image, crop_similarity(face.landmarks, model.crop), model.crop.size) for face in faces])
    traits = measure_traits(chips, [1.0] * len(chips))

    ours, theirs = (reader.probabilities(reader.logits(chips), traits) for reader in readers)

    for attribute in CLASSES:
        np.testing.assert_allclose(ours[attribute], theirs[attribute], atol=0.05)
    for attribute, bins in BINS.items():
        expected = theirs[attribute] @ bins
        np.testing.assert_allclose(ours[attribute] @ bins, expected, atol=(bins[-1] - bins[0]) / 50)


@pytest.mark.parametrize("picture", ["astronaut", "grace_hopper", "pair"])
def test_onnx_and_pytorch_find_the_same_faces(portraits: dict[str, Image.Image], picture: str) -> None:
    served, reference = (
        load_detector(EngineConfig(backend=backend)).detect(portraits[picture], 40, 10) for backend in Backend
    )

    for ours, theirs in zip(served, reference, strict=True):
        assert ours.box.x == pytest.approx(theirs.box.x, abs=0.05)
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-4)
        np.testing.assert_allclose(ours.landmarks.nose, theirs.landmarks.nose, atol=0.05)


def test_the_published_weights_say_of_a_known_chip_what_they_always_said(
    engine: Engine, portraits: dict[str, Image.Image]
) -> None:
    landmarks = Landmarks((206.0, 109.0), (248.0, 109.0), (230.0, 134.0), (213.0, 152.0), (245.0, 152.0))
    to_chip = chip_similarity(landmarks, 150)
    chip = warp(portraits["astronaut"], to_chip, 150)
    assert (int(chip.sum()), chip[75, 75].tolist()) == (9734508, [156, 112, 90])

    (said,) = engine.reader("age").read(chip[None], [to_chip.inverse()], frozenset(engine.default.outputs))

    assert [said[name].label for name in ("gender", "race", "expression")] == ["female", "white", "happiness"]
    assert said["gender"].probabilities == near({"female": 0.78394270, "male": 0.21605729})
    assert said["race"].probabilities == near(
        {"white": 0.97438079, "black": 0.00110192, "asian": 0.00098505, "indian": 0.00059604, "others": 0.02293627}
    )
    assert said["expression"].probabilities == near(
        {
            "anger": 0.00956554,
            "disgust": 0.00923348,
            "fear": 0.00683817,
            "happiness": 0.94504619,
            "sadness": 0.00801657,
            "surprise": 0.01008616,
            "neutral": 0.01121394,
        }
    )
    age, beauty = said["age"], said["beauty"]
    assert (age.value, *age.interval, age.scale, age.coverage) == near((27.191364, 14.638756, 37.982254, None, 0.85))
    assert (beauty.value, *beauty.interval) == near((5.2773199, 4.2009006, 6.3205037))
    assert (beauty.scale, beauty.coverage) == ((1.0, 10.0), 0.85)


def near(expected: Any) -> Any:
    return pytest.approx(expected, abs=1e-4)
