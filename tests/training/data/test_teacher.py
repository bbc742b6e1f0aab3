"""The published net's answers as targets beside the labels."""

import numpy as np
import pytest
import torch

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.labels import Attribute
from cv.engine.manifest import read_manifest
from cv.engine.readers.attributes import AttributeReader, softmax
from training.data.augment import centre
from training.data.chips import Crop, Faces
from training.data.labels import build_labels
from training.data.teacher import teach


@pytest.fixture
def faces() -> Faces:
    chips = np.random.default_rng(0).integers(0, 256, (2, Crop().cached, Crop().cached, 3), dtype=np.uint8)
    return Faces(chips, build_labels([{"gender": "male", "age": 30}, {"race": "asian"}]))


def answers(faces: Faces) -> dict[Attribute, np.ndarray]:
    reader = AttributeReader.load(read_manifest(WEIGHTS_DIR).default, EngineConfig())
    chips = centre(torch.from_numpy(faces.chips).permute(0, 3, 1, 2).float(), Crop(), reader.crop.size)
    return {a: softmax(logits) for a, logits in zip(Attribute, reader.net(chips.numpy()), strict=True)}


def test_labels_and_teacher_share_the_target_and_the_teacher_fills_the_gaps(faces: Faces) -> None:
    said = answers(faces)

    targets = teach(faces, WEIGHTS_DIR, (Attribute.GENDER, Attribute.AGE), 0.25, Crop()).labels.distributions

    male = np.array([0, 1])
    np.testing.assert_allclose(targets[Attribute.GENDER][0], 0.75 * male + 0.25 * said[Attribute.GENDER][0], atol=1e-5)
    np.testing.assert_allclose(targets[Attribute.GENDER][1], said[Attribute.GENDER][1], atol=1e-5)
    np.testing.assert_allclose(targets[Attribute.AGE].sum(axis=1), 1, atol=1e-5)
    # Race was not asked for: the label alone, or nothing.
    np.testing.assert_array_equal(targets[Attribute.RACE], [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0]])


def test_a_target_that_marks_a_range_stays_as_it_is(faces: Faces) -> None:
    banded = Faces(faces.chips, build_labels([{"age_band": "20-29"}, {"age": 30}]))

    ages = teach(banded, WEIGHTS_DIR, (Attribute.AGE,), 0.5, Crop()).labels.distributions[Attribute.AGE]

    np.testing.assert_array_equal(ages[0], banded.labels.distributions[Attribute.AGE][0])
    assert float(ages[1].sum()) == pytest.approx(1, abs=1e-5)
    assert not np.array_equal(ages[1], banded.labels.distributions[Attribute.AGE][1])


def test_what_is_scored_stays_the_label(faces: Faces) -> None:
    labels = teach(faces, WEIGHTS_DIR, (Attribute.GENDER,), 1, Crop()).labels

    assert labels.classes == faces.labels.classes
    assert labels.values[Attribute.AGE][0] == 30
