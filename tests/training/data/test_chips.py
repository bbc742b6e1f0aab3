"""Cutting tables into chips and labels."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

from cv.engine.align import TEMPLATE, chip_similarity, warp
from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.detect import Detector
from cv.engine.labels import Attribute
from cv.engine.manifest import read_manifest
from cv.engine.nets.attribute_net import CHIP_PX
from cv.engine.runtime import load_detector
from training.data.chips import Crop, find_largest_face, load_faces


@pytest.fixture(scope="module")
def detector() -> Detector:
    return load_detector(EngineConfig())


def test_training_chip_is_the_served_chip_with_a_margin(detector: Detector, astronaut: bytes) -> None:
    chip = find_largest_face(detector, astronaut, 150, margin=20).chip
    served = find_largest_face(detector, astronaut, 150).chip
    picture = Image.fromarray(data.astronaut())
    (face,) = detector.detect(picture, 40, 1)

    assert Crop().size == CHIP_PX
    assert chip.shape == (Crop().cached, Crop().cached, 3)
    np.testing.assert_array_equal(served, warp(picture, chip_similarity(face.landmarks, 150), 150))
    inner = chip[20:-20, 20:-20].astype(int)
    assert np.abs(inner - served).max() <= 1


def test_a_turned_photo_is_upright_before_it_is_changed(detector: Detector, astronaut: bytes) -> None:
    def change(image: Image.Image) -> Image.Image:
        return image.crop((round(image.width * 0.2), 0, image.width, image.height))

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    file = io.BytesIO()
    Image.open(io.BytesIO(astronaut)).rotate(90).save(file, "PNG", exif=exif)

    turned, upright = (find_largest_face(detector, data, 150, change=change) for data in (file.getvalue(), astronaut))

    assert turned.detection is not None
    assert turned.image_size == (round(512 * 0.8), 512)
    np.testing.assert_array_equal(turned.chip, upright.chip)


def test_unreadable_rows_are_named_and_the_others_are_cached(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = load_faces(table, "val", EngineConfig(), tmp_path / "cache", Crop())

    assert faces.chips.shape == (3, 190, 190, 3)
    assert "faces.parquet row 5 left out: not a JPEG" in caplog.text
    assert "faces.parquet row 6 left out: not a JPEG" in caplog.text
    assert faces.labels.values[Attribute.AGE].tolist() == [36, 77, 20]
    monkeypatch.delattr("training.data.chips.load_detector")
    again = load_faces(table, "val", EngineConfig(), tmp_path / "cache", Crop())
    np.testing.assert_array_equal(again.chips, faces.chips)


def test_corrected_labels_replace_cached_ones_if_the_table_keeps_its_length(tmp_path: Path, empty_scene: bytes) -> None:
    table, cache = tmp_path / "faces.parquet", tmp_path / "cache"
    sizes, ages = set(), []
    for age in (36, 37):
        pq.write_table(pa.Table.from_pylist([{"image": empty_scene, "age": age, "split": "val"}]), table)
        sizes.add(table.stat().st_size)
        ages += load_faces(table, "val", EngineConfig(), cache, Crop()).labels.values[Attribute.AGE].tolist()

    assert len(sizes) == 1
    assert ages == [36, 37]


@pytest.mark.parametrize("changed", ["template", "detector", "crop"])
def test_chips_of_another_alignment_detector_or_crop_are_cut_again(
    tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    load_faces(table, "train", EngineConfig(), tmp_path / "cache", Crop())
    crop = Crop(size=64, margin=8) if changed == "crop" else Crop()
    if changed == "template":
        monkeypatch.setattr("training.data.chips.TEMPLATE", TEMPLATE + 0.01)
    elif changed == "detector":
        manifest = read_manifest(WEIGHTS_DIR)
        onet = manifest.detector["onet"]
        changed_net = replace(onet, onnx=replace(onet.onnx, sha256="another"))
        other = replace(manifest, detector={**manifest.detector, "onet": changed_net})
        monkeypatch.setattr("training.data.chips.read_manifest", lambda folder: other)

    again = load_faces(table, "train", EngineConfig(), tmp_path / "cache", crop)

    assert len(list((tmp_path / "cache").glob("faces-train-*.npy"))) == 2
    assert again.chips.shape == (1, crop.cached, crop.cached, 3)


def test_a_split_without_a_readable_row_is_named(table: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"faces\.parquet has no readable row of split 'test'"):
        load_faces(table, "test", EngineConfig(), tmp_path / "cache", Crop())
