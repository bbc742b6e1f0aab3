"""Tables to chips and labels."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

from cv.engine.align import align
from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.labels import BINS, Attribute
from cv.engine.runtime import load_detector
from training.data import (
    CACHED_PX,
    MARGIN_PX,
    NO_CLASS,
    age_distribution,
    beauty_distribution,
    labels_of,
    largest_face,
    load_faces,
    rows,
)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector(EngineConfig())


def test_rows_of_one_split_carry_their_numbers(table: Path) -> None:
    assert [(number, row["age"]) for number, row in rows(table, "val")] == [(1, 36), (2, 77), (4, 20), (5, 1)]
    assert [number for number, _ in rows(table, None, limit=2)] == [1, 2]


def test_table_without_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table({"age": [1]}), path)

    with pytest.raises(ValueError, match=r"labels\.parquet has no column 'image'; it has age"):
        next(rows(path, None))


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


def test_labels_of_the_sets_become_the_served_ones() -> None:
    labels = labels_of(
        [
            {"race": "caucasian", "gender": "male"},
            {"race": "mideastern", "expression": "contempt"},
            {"attractive": 53.2, "gender": 90.0, "age": 40.0},
            {"attractive": 53.2, "gender": 55.0},
        ]
    )

    assert labels.classes[Attribute.RACE].tolist() == [0, 4, NO_CLASS, NO_CLASS]
    assert labels.classes[Attribute.GENDER].tolist() == [1, NO_CLASS, 1, NO_CLASS]
    assert labels.classes[Attribute.EXPRESSION].tolist() == [NO_CLASS] * 4
    assert np.isnan(labels.values[Attribute.AGE]).all()
    assert labels.values[Attribute.BEAUTY][2:] == pytest.approx([6.12, 6.12])


def test_age_distribution_sums_to_one_about_the_label() -> None:
    distribution = age_distribution(30)

    assert float(distribution.sum()) == pytest.approx(1, abs=1e-5)
    assert float(distribution @ BINS[Attribute.AGE]) == pytest.approx(30, abs=1e-3)
    assert int(age_distribution(116).argmax()) == 100


def test_beauty_distribution_is_half_the_raters_and_half_smooth() -> None:
    row = {"beauty": 8.0, "ratings_hist": [0, 0, 0, 0, 0, 0, 0, 10, 0, 0]}

    distribution = beauty_distribution(row)

    assert float(distribution.sum()) == pytest.approx(1, abs=1e-5)
    assert float(distribution[7]) > 0.6
