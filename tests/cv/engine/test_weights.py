"""Weights are served only where they are exactly what the manifest says, and both backends say the same."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cv.engine.align import align
from cv.engine.attributes import Describer
from cv.engine.config import WEIGHTS_DIR, Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.labels import BINS, CLASSES
from cv.engine.runtime import get_engine, load_detector
from cv.engine.sessions import load_nets
from cv.engine.weights import read_manifest

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS_DIR, tmp_path / "weights"))


def test_one_configuration_has_one_engine() -> None:
    assert get_engine(EngineConfig(threads=2)) is get_engine(EngineConfig(threads=2))


def test_changed_weights_are_refused(weights: Path) -> None:
    file = weights / "attributes.onnx"
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)

    with pytest.raises(ModelNotReady, match=r"attributes\.onnx are not those of the manifest"):
        get_engine(EngineConfig(weights_dir=weights))


def test_missing_weights_are_named(weights: Path) -> None:
    (weights / "mtcnn-rnet.onnx").unlink()

    with pytest.raises(ModelNotReady, match=r"mtcnn-rnet\.onnx cannot be read: No such file"):
        get_engine(EngineConfig(weights_dir=weights))


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match=r"manifest\.json cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest.update(format=99), "has format 99"),
        (lambda manifest: manifest.pop("attributes"), "not a weights manifest"),
        (lambda manifest: manifest["attributes"]["labels"]["gender"].reverse(), "trained on other labels"),
        (
            lambda manifest: manifest["attributes"]["calibration"].update(coverage=None) or manifest.pop("mtcnn"),
            "mtcnn",
        ),
    ],
)
def test_manifest_of_another_version_is_refused(weights: Path, change: Change, message: str) -> None:
    path = weights / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))

    with pytest.raises(ModelNotReady, match=message):
        read_manifest(weights)


def test_manifest_that_is_no_json_is_refused(weights: Path) -> None:
    (weights / "manifest.json").write_text("{")

    with pytest.raises(ModelNotReady, match="not a weights manifest"):
        read_manifest(weights)


def test_facenet_pytorch_is_found_but_never_imported() -> None:
    load_detector(EngineConfig(backend=Backend.TORCH))

    assert "facenet_pytorch" not in sys.modules


def test_the_served_integers_say_what_pytorch_says(portraits: dict[str, Image.Image]) -> None:
    manifest = read_manifest(WEIGHTS_DIR)
    nets = [load_nets(manifest, EngineConfig(backend=backend), ["attributes"])["attributes"] for backend in Backend]
    image = portraits["pair"]
    faces = load_detector(EngineConfig()).detect(image, 40, 10)
    chips = np.stack([align(image, face.landmarks, manifest.card.chip_size) for face in faces])

    describers = [Describer(net, manifest.calibration) for net in nets]
    ours, theirs = (describer.probabilities(describer.logits(chips)) for describer in describers)

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


def test_the_torch_backend_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    config = EngineConfig(backend=Backend.TORCH)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelNotReady, match=r"requirements-torch\.txt"):
        load_nets(read_manifest(config.weights_dir), config, ["attributes"])
