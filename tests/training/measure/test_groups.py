"""The traits that differ most between groups: a person counts once, and the intervals are over people."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv.engine.config import EngineConfig
from cv.engine.labels import FACE_TRAITS
from cv.engine.runtime import get_engine
from training.data.tables import rows
from training.measure.groups import compare_groups, main, see_traits, write_table

HAT, SMILE = FACE_TRAITS.index("wearing_hat"), FACE_TRAITS.index("smiling")


def test_a_person_counts_once_and_the_trait_that_differs_most_is_first() -> None:
    shares = np.zeros((5, len(FACE_TRAITS)))
    # Person a has three photos; the group's share is the mean of a and b, not of the four photos.
    shares[:, HAT] = [0.9, 0.9, 0.9, 0.1, 0.2]
    shares[:, SMILE] = [0.3, 0.3, 0.3, 0.3, 0.4]

    first, second, *_ = compare_groups(shares, np.array([0, 0, 0, 0, 1]), np.array(["a", "a", "a", "b", "c"]))

    assert (first.trait, second.trait) == ("wearing_hat", "smiling")
    # Of two people, drawn twice: both a, both b or one of each.
    assert first.shares[0].tolist() == pytest.approx([0.5, 0.1, 0.9])
    assert first.shares[1].tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert first.between.tolist() == pytest.approx([0.3, -0.1, 0.7])
    assert second.between.tolist() == pytest.approx([0.1, 0.1, 0.1])


def test_the_table_is_in_percent_with_the_ends_of_each_interval() -> None:
    shares = np.zeros((2, len(FACE_TRAITS)))
    shares[:, HAT] = [0.75, 0.25]

    found = compare_groups(shares, np.array([0, 1]), np.array(["a", "b"]))

    assert write_table(["north", "south"], found[:1]).splitlines() == [
        "| trait | north, % | south, % | furthest apart, points |",
        "| --- | --- | --- | --- |",
        "| wearing_hat | 75 [75, 75] | 25 [25, 25] | **50 [50, 50]** |",
    ]


def test_photos_without_a_face_are_left_out(tmp_path: Path, astronaut: bytes, empty_scene: bytes) -> None:
    table = tmp_path / "photos.parquet"
    photos = [(astronaut, "a", "x"), (empty_scene, "b", "y"), (b"broken", "b", "z")]
    names = ("image", "by", "person")
    pq.write_table(pa.Table.from_pylist([dict(zip(names, photo, strict=True)) for photo in photos]), table)

    shares, groups, people = see_traits(get_engine(EngineConfig(threads=1)), rows(table, None), "by", "person")

    assert (groups, people) == (["a"], ["x"])
    assert shares.shape == (1, len(FACE_TRAITS))
    assert shares[0, SMILE] > 0.5


def test_a_table_without_the_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"image": [b""], "nation": ["x"]}), tmp_path / "photos.parquet")
    monkeypatch.setattr("sys.argv", ["groups", "--data", str(tmp_path / "photos.parquet"), "--by", "country"])

    with pytest.raises(SystemExit, match=r"^photos.parquet lacks the columns country, person$"):
        main()
