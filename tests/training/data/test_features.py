"""What frozen nets see is computed once for a table, and is what the nets give for the aligned faces."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cv.engine.config import EngineConfig
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, Vector
from training.data import features
from training.data.features import Features, load_features
from training.nets.dlib_weights import pretrained_face_resnet
from training.nets.trunks import lower_trunk, upper_trunk


@pytest.fixture(scope="module")
def engine() -> Engine:
    return get_engine(EngineConfig(threads=1, identity=True))


def test_the_vectors_are_those_of_the_service(table: Path, tmp_path: Path, engine: Engine, astronaut: bytes) -> None:
    faces = load_features(table, tmp_path / "features", "val")

    # Row 5 is no picture, and row 6 has none; the picture without a face is seen as a whole.
    assert faces.column("age").tolist() == [36, 77, 20]
    assert faces.column("expression").tolist() == [None, None, None]
    options = AnalysisOptions(attributes=frozenset({"embedding"}))
    (face,) = engine.analyze(astronaut, options).faces
    served = face.attributes["embedding"]
    assert isinstance(served, Vector)
    assert faces.vectors[0, 0] @ np.array(served.values) == pytest.approx(1, abs=1e-3)
    assert not np.array_equal(faces.vectors[0, 0], faces.vectors[0, 1])
    assert (faces.maps.shape, faces.high.shape) == ((3, 2, 128, 8, 8), (3, 2, 256, 2, 2))


def test_features_are_read_again_instead_of_computed(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_ROWS_A_FILE", 1)
    once = load_features(table, tmp_path / "features", "val", only=("age", frozenset({"36", "77"})))
    (place,) = (tmp_path / "features").iterdir()
    # As after a kill: the second file is missing.
    (place / "whole").unlink()
    (place / "00001.npz").unlink()
    kept = (place / "00000.npz").stat().st_mtime_ns

    again = load_features(table, tmp_path / "features", "val", only=("age", frozenset({"36", "77"})))

    assert (place / "00000.npz").stat().st_mtime_ns == kept
    assert again.column("age").tolist() == once.column("age").tolist() == [36, 77]
    np.testing.assert_array_equal(again.maps, once.maps)


def test_a_split_without_pictures_is_named(table: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"faces\.parquet has no readable picture in the split test"):
        load_features(table, tmp_path / "features", "test")


def test_both_parts_of_the_trunk_are_dlibs_net() -> None:
    chips = torch.randint(0, 255, (1, 3, 150, 150)).float()
    mean = torch.tensor([122.782, 117.001, 104.298])[:, None, None]

    with torch.inference_mode():
        whole = pretrained_face_resnet()[0]((chips - mean) / 256)
        parts = upper_trunk()(lower_trunk()(chips))

    torch.testing.assert_close(parts, whole)


def test_levels_are_concatenated_for_each_view() -> None:
    maps = np.zeros((1, 2, 128, 8, 8), np.float16)
    maps[0, 1, 5, :4, 4:] = 2.0  # the upper right quarter of the sixth channel, in the mirrored view
    face = Features([{}], maps, np.full((1, 2, 256, 2, 2), 3, np.float16), np.full((1, 2, 128), 0.5, np.float32))

    levels = face.levels()

    assert levels.shape == (1, 2, 512 + 1024 + 128)
    assert np.flatnonzero(levels[0, 1, :512]).tolist() == [5 * 4 + 1]
    assert levels[0, 1, 5 * 4 + 1] == 2.0
    assert not levels[0, 0, :512].any()
    assert face.levels(low=False, high=False).tolist() == [[[0.5] * 128] * 2]
    assert (face.levels(low=False, vector=False) == 3).all()
