"""Tables to chips and labels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from cv.engine.align import align
from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.labels import Attribute
from cv.engine.runtime import load_detector
from training.data import (
    CACHED_PX,
    MARGIN_PX,
    largest_face,
    load_faces,
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector(EngineConfig())


def test_training_chip_is_the_served_chip_with_a_margin(detector: Detector, astronaut: bytes) -> None:
    chip = largest_face(detector, astronaut, 150, MARGIN_PX).chip
    served = largest_face(detector, astronaut, 150).chip
    picture = Image.fromarray(data.astronaut())
    (face,) = detector.detect(picture, 40, 1)

    assert chip.shape == (CACHED_PX, CACHED_PX, 3)
    np.testing.assert_array_equal(served, align(picture, face.landmarks, 150))
    inner = chip[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX].astype(int)
    assert np.abs(inner - served).max() <= 1


def test_unreadable_row_is_named_and_the_others_are_cached(
    table: Path, detector: Detector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faces = load_faces(table, "val", detector, tmp_path / "cache")

    assert len(faces) == 3
    assert "faces.parquet row 5 left out: not a JPEG" in caplog.text
    assert faces.labels.values[Attribute.AGE].tolist() == [36, 77, 20]
    again = load_faces(table, "val", detector, tmp_path / "cache")
    np.testing.assert_array_equal(again.chips, faces.chips)
