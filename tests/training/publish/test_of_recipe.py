"""What a research recipe trained becomes a folder that the service serves, and that is refused if it does not fit."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytest_django import Settings
from safetensors.torch import save_file

from cv.engine.catalog import read_catalog
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.outputs import get_output
from cv.engine.pool import EnginePool
from cv.engine.types import AnalysisOptions, Category, Estimate
from cv.serving.outputs import load_outputs, served_outputs
from training.data.features import Features, FrozenNets
from training.nets.trunks import upper_trunk
from training.publish.of_recipe import PRODUCTS, publish
from training.recipes import find_study

pytestmark = [
    pytest.mark.usefixtures("registries"),
    # PyTorch's exporter warns about itself.
    pytest.mark.filterwarnings("ignore:.*treespec:FutureWarning"),
]

LEVELS = 512 + 1024
RESULT = {"scores": {"pearson": 0.7}, "torch": "2", "date": "2026-11-29", "epochs": None}


def trained(name: str, folder: Path) -> dict[str, torch.Tensor]:
    """A run's folder, with small random weights."""
    size = {"transfbp": 1, "cjk": 3, "own": 2}[name]
    torch.manual_seed(0)
    weights = {"weight": torch.randn(size, LEVELS) * 0.02, "bias": torch.randn(size)}
    if name == "transfbp":
        weights |= {"deviation": torch.tensor([0.8]), "bias": torch.tensor([5.0])}
    stem = folder / PRODUCTS[name].case.name
    folder.mkdir()
    save_file(weights, stem.with_suffix(".safetensors"))
    stem.with_suffix(".json").write_text(json.dumps(RESULT | {"about": {"labels": ["cap", "none"]}}))
    return weights


def features_of(photo: bytes) -> torch.Tensor:
    """What the recipe would learn from this photo, ``(LEVELS,)``."""
    nets = FrozenNets(EngineConfig(threads=1))
    dlib, sface = nets.cut(photo)
    maps, vectors = nets.see(dlib[None], sface[None])
    with torch.inference_mode():
        high = upper_trunk().eval()(torch.from_numpy(maps[0]).float())[None].numpy()
    face = Features([{}], maps, high.astype(np.float16), vectors)
    return torch.from_numpy(face.levels(vector=False).mean(axis=1)[0])


def test_a_published_number_is_served_as_the_recipe_computes_it(tmp_path: Path, astronaut: bytes) -> None:
    weights = trained("transfbp", tmp_path / "run")
    publish(find_study("transfbp"), tmp_path / "run", tmp_path / "model", "1.2.3")
    pool = EnginePool(EngineConfig(threads=1, models=(tmp_path / "model",)), 1)

    result = pool.analyze(astronaut, AnalysisOptions(attributes=frozenset({"transfbp"})))

    (face,) = result.faces
    answer = face.attributes["transfbp"]
    assert isinstance(answer, Estimate)
    expected = float(weights["weight"][0] @ features_of(astronaut) + weights["bias"][0])
    assert answer.value == pytest.approx(expected, abs=0.02)
    # A normal distribution of deviation 0.8 around it has 80 % within 1.03.
    assert answer.interval == pytest.approx((expected - 1.03, expected + 1.03), abs=0.06)
    assert answer.scale == (1, 10)
    assert [(run.name, run.version) for run in result.models] == [("research-transfbp", "1.2.3")]


def test_a_published_class_is_served_beside_the_weights_own_outputs(tmp_path: Path, astronaut: bytes) -> None:
    weights = trained("cjk", tmp_path / "run")
    publish(find_study("cjk"), tmp_path / "run", tmp_path / "model", "1.0.0")
    pool = EnginePool(EngineConfig(threads=1, models=(tmp_path / "model",)), 1)

    (face,) = pool.analyze(astronaut, AnalysisOptions(attributes=frozenset({"nation", "gender"}))).faces

    answer = face.attributes["nation"]
    assert isinstance(answer, Category)
    expected = torch.softmax(weights["weight"] @ features_of(astronaut) + weights["bias"], dim=0)
    np.testing.assert_allclose(list(answer.probabilities.values()), expected.numpy(), atol=0.01)
    assert list(face.attributes) == ["gender", "nation"]
    card = (tmp_path / "model" / "card.md").read_text()
    assert "| pearson | 0.7 |" in card
    assert hashlib.sha256((tmp_path / "model" / "model.onnx").read_bytes()).hexdigest() in card


def test_ones_own_labels_are_the_classes_that_are_served(tmp_path: Path, astronaut: bytes) -> None:
    weights = trained("own", tmp_path / "run")
    publish(find_study("own"), tmp_path / "run", tmp_path / "model", "1.0.0")
    pool = EnginePool(EngineConfig(threads=1, models=(tmp_path / "model",)), 1)

    (face,) = pool.analyze(astronaut, AnalysisOptions(attributes=frozenset({"own"}))).faces

    answer = face.attributes["own"]
    assert isinstance(answer, Category)
    expected = torch.softmax(weights["weight"] @ features_of(astronaut) + weights["bias"], dim=0)
    assert answer.probabilities == pytest.approx({"cap": float(expected[0]), "none": float(expected[1])}, abs=0.01)
    assert "Answers `own`: cap, none." in (tmp_path / "model" / "card.md").read_text()


def test_a_recipe_that_is_not_trained_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"safetensors is missing: python -m training.train --recipe cjk "):
        publish(find_study("cjk"), tmp_path, tmp_path / "model", "1")
    with pytest.raises(SystemExit, match=r"of star nothing is published; there are transfbp, cjk, own"):
        publish(find_study("star"), tmp_path, tmp_path / "model", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model whose net is never loaded."""
    (tmp_path / "model.onnx").write_bytes(b"net")
    model = {
        "name": "hair",
        "version": "1",
        "reader": "attributes",
        "architecture": "none",
        "outputs": ["hair"],
        "heads": {"hair": 2},
        "crop": {"template": "xcloud-5", "size": 150, "margin": 0.0},
        "labels": {"hair": ["dark", "fair"]},
        "licence": "ours",
        "trained_on": [],
        "training": {},
        "onnx": {"file": "model.onnx", "sha256": hashlib.sha256(b"net").hexdigest()},
        "calibration": {},
        "metrics": {},
    }
    defined = {"name": "hair", "shape": "category", "labels": ["dark", "fair"], "bins": [], "unit": ""}
    manifest = {"format": 2, "defines": [defined], "models": [model]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_folders_model_is_in_the_catalog_once_behind_the_weights(folder: Path) -> None:
    config = EngineConfig(models=(folder,))

    read_catalog(config)
    catalog = read_catalog(config)

    names = [card.name for card in catalog.cards]
    assert names.count("hair") == 1
    assert names.index("hair") > names.index("xcloud-attributes")
    assert get_output("hair").labels == ("dark", "fair")


def test_a_changed_net_is_named_before_an_image_is_taken(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"other")
    (reader,) = read_catalog(EngineConfig(models=(folder,))).readers

    with pytest.raises(ModelNotReady, match=r"model\.onnx was changed"):
        reader.check()
    with pytest.raises(ModelNotReady, match=r"model\.onnx was changed"):
        EnginePool(EngineConfig(threads=1, models=(folder,)), 1).analyze(b"")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format=1), "format is 1; this version reads 2"),
        (lambda m: m.pop("defines"), "defines is missing"),
        (
            lambda m: m["defines"][0].update(shape="mask"),
            r"defines\[0\].shape is mask, which is none of category",
        ),
        (lambda m: m["defines"][0].update(labels=["dark"]), r"defines\[0\].labels must be two or more different names"),
        (lambda m: m["defines"][0].update(shape="estimate"), r"defines\[0\].bins must be two or more rising values"),
        (lambda m: m["defines"][0].update(name="Hair!"), "an output's name is like"),
        (lambda m: m["defines"][0].update(name="gender"), "another output is called gender"),
        (lambda m: m["defines"][0].update(labels=[str(i) for i in range(1001)]), "more than 1000 labels or bins"),
        (lambda m: m["models"][0]["heads"].update(hair=3), r"models\[0\].heads.hair is 3; hair has 2"),
        (
            lambda m: m["models"][0].update(
                outputs=["gender"], heads={"gender": 2}, labels={"gender": ["female", "male"]}
            ),
            "models gives gender, which is the weights' own",
        ),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_with_its_name_and_field(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ModelNotReady, match=f"the model in {folder}: .*{message}"):
        read_catalog(EngineConfig(models=(folder,)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"{", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b" " * (1024 * 1024 + 1), "is larger than 1048576 bytes"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(folder: Path, data: bytes | None, message: str) -> None:
    path = folder / "manifest.json"
    path.unlink() if data is None else path.write_bytes(data)

    with pytest.raises(ModelNotReady, match=f"the model in {folder}: manifest.json {message}"):
        read_catalog(EngineConfig(models=(folder,)))


def test_two_folders_cannot_give_the_same_output(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    for file in folder.iterdir():
        renamed = file.read_bytes().replace(b'"name": "hair", "version"', b'"name": "h2", "version"')
        (other / file.name).write_bytes(renamed)

    with pytest.raises(ModelNotReady, match="hair is given by two models: hair and h2"):
        read_catalog(replace(EngineConfig(), models=(folder, other)))


def test_the_server_offers_the_output_of_a_folder(folder: Path, settings: Settings) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, models=(folder,))

    load_outputs()

    assert "hair" in served_outputs()


def test_the_server_starts_without_a_folder_that_is_missing(
    tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, models=(tmp_path / "gone",))

    load_outputs()

    assert f"the model in {tmp_path / 'gone'}: manifest.json cannot be read: No such file" in caplog.text
    assert "gender" in served_outputs()
