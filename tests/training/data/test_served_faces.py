"""Faces that were found once are read again instead of found again."""

from pathlib import Path

import numpy as np

from cv.engine.config import EngineConfig
from cv.engine.runtime import load_detector
from training.data.chips import find_largest_faces
from training.data.served_faces import FaceCache
from training.data.tables import rows


def test_the_second_reading_gives_the_same_faces_without_a_detector(table: Path, tmp_path: Path) -> None:
    config = EngineConfig()
    detector, cache = load_detector(config), FaceCache(tmp_path / "faces", config)
    expected = list(find_largest_faces(detector, table, rows(table, "val"), 150))

    list(cache.find_largest_faces(detector, table, "val", None, 150))
    again = list(cache.find_largest_faces(None, table, "val", None, 150))  # type: ignore[arg-type]

    assert [row for row, _ in again] == [row for row, _ in expected]
    for (_, face), (_, known) in zip(again, expected, strict=True):
        assert (face is None) == (known is None)
        if face and known:
            np.testing.assert_array_equal(face.chip, known.chip)
            assert (face.detection, face.image_size, face.scale) == (known.detection, known.image_size, known.scale)
