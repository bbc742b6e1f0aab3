"""The parts of a face are cut where they are in a chip."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.data.parts import PARTS, cut_part
from training.data.views import CROP, VIEWS, load_chips, see_views
from training.nets.task_net import MAP


def test_a_part_is_half_as_large_as_its_place_in_the_chip(tmp_path: Path, astronaut: bytes) -> None:
    table = tmp_path / "rafdb.parquet"
    pq.write_table(pa.table({"image": [astronaut], "expression": ["happiness"], "split": ["val"]}), table)
    (chip,) = load_chips(table, "val", tmp_path).chips

    crops, shares = cut_part(table, "val", tmp_path, "mouth")

    top, left, height, width = PARTS["mouth"]
    assert crops.shape == (1, 3, height // 2, width // 2)
    assert crops[0, :, 0, 0].tolist() == np.rint(chip[top : top + 2, left : left + 2].mean(axis=(0, 1))).tolist()
    assert shares.tolist() == [[0, 0, 0, 1, 0, 0, 0]]
    assert all(max(place[0] + place[2], place[1] + place[3]) <= CROP.cached for place in PARTS.values())


def test_a_face_to_measure_is_seen_as_it_is_and_mirrored(tmp_path: Path, astronaut: bytes) -> None:
    table = tmp_path / "rafdb.parquet"
    rows = {"image": [astronaut] * 2, "expression": ["happiness"] * 2, "split": ["val", "train"]}
    pq.write_table(pa.table(rows), table)

    measured, learned = (see_views(table, split, tmp_path) for split in ("val", "train"))

    assert measured.maps.shape == (1, VIEWS["val"], *MAP)
    assert not np.array_equal(measured.maps[0, 0], measured.maps[0, 1])
    assert learned.maps.shape == (1, VIEWS["train"], *MAP)
    assert see_views(table, "val", tmp_path).maps.tolist() == measured.maps.tolist()
    assert len(see_views(table, "val", tmp_path, limit=1)) == 1
