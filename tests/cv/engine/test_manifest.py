"""Weights are served only if they are exactly what the manifest says; otherwise the error names file and field."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import load_file, save_file

from cv.engine.config import WEIGHTS_DIR, Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import read_manifest
from cv.engine.readers.attributes import AttributeReader
from cv.engine.runtime import get_engine, load_detector

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS_DIR, tmp_path / "weights"))


def change_manifest(weights: Path, change: Change) -> None:
    path = weights / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def publish(weights: Path, kind: str) -> None:
    """Makes the manifest accept a changed file of the attribute model."""

    def change(manifest: dict[str, Any]) -> None:
        entry = manifest["models"][0][kind]
        entry["sha256"] = hashlib.sha256((weights / entry["file"]).read_bytes()).hexdigest()

    change_manifest(weights, change)


def flat_net(heads: Mapping[str, int]) -> bytes:
    """A net of chips in ONNX whose heads have these names and sizes."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["chips"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colours"]),
        *(helper.make_node("MatMul", ["colours", f"{name}_weights"], [name]) for name in heads),
    ]
    weights = [
        helper.make_tensor(f"{name}_weights", TensorProto.FLOAT, (3, size), np.zeros(3 * size))
        for name, size in heads.items()
    ]
    chips = helper.make_tensor_value_info("chips", TensorProto.FLOAT, ("batch", 3, 150, 150))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", size)) for name, size in heads.items()]
    graph = helper.make_graph(nodes, "flat", [chips], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def test_one_configuration_has_one_engine() -> None:
    assert get_engine(EngineConfig(threads=2)) is get_engine(EngineConfig(threads=2))


def test_the_published_manifest_lists_the_five_in_the_order_of_the_nets_heads() -> None:
    models = {model.card.name: model for model in read_manifest(WEIGHTS_DIR).models}
    model, identity, mesh = (models[name] for name in ("xcloud-attributes", "sface", "face-mesh"))

    assert dict(model.heads) == {"age": 101, "gender": 2, "race": 5, "expression": 7, "beauty": 10}
    assert model.outputs == ("age", "gender", "race", "expression", "beauty")
    assert (model.crop.template.name, model.crop.size, model.crop.margin) == ("xcloud-5", 150, 0.0)
    assert (model.card.name, model.card.chip_size, model.card.interval_coverage) == ("xcloud-attributes", 150, 0.85)
    assert (dict(identity.heads), identity.crop.template.name, identity.crop.size) == (
        {"embedding": 128},
        "arcface-5",
        112,
    )
    assert dict(mesh.heads) == {"points": 68, "mesh": 468, "pose": 3, "openness": 3}


def test_changed_weights_are_refused(weights: Path) -> None:
    file = weights / "attributes.onnx"
    data = bytearray(file.read_bytes())
    data[5000] ^= 1
    file.write_bytes(data)

    with pytest.raises(
        ModelNotReady, match=r"^attributes\.onnx was changed: it differs from models\[0\]\.onnx\.sha256 "
    ):
        get_engine(EngineConfig(weights_dir=weights))


@pytest.mark.parametrize(
    ("file", "field"), [("mtcnn-rnet.onnx", "detector.onnx.rnet"), ("attributes.onnx", "models[0].onnx")]
)
def test_missing_weights_are_named(weights: Path, file: str, field: str) -> None:
    (weights / file).unlink()

    with pytest.raises(ModelNotReady) as refused:
        get_engine(EngineConfig(weights_dir=weights))
    assert str(refused.value) == f"{file} (manifest.json: {field}) cannot be read: No such file or directory"


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match=r"^manifest\.json cannot be read: No such file"):
        read_manifest(tmp_path)


def to_format_1(manifest: dict[str, Any]) -> None:
    """The manifest in the old format, with a single model."""
    attributes, *_ = manifest.pop("models")
    manifest.update(format=1, mtcnn=manifest.pop("detector"), attributes=attributes)


def of_model(change: Change) -> Change:
    return lambda manifest: change(manifest["models"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (to_format_1, "format is 1; this version reads 2"),
        (lambda manifest: manifest.update(format=3), "format is 3; this version reads 2"),
        (lambda manifest: manifest.update(format="2"), "format is '2'; this version reads 2"),
        (lambda manifest: manifest.pop("format"), "format is missing"),
        (lambda manifest: manifest.pop("models"), "models is missing"),
        (lambda manifest: manifest.update(models={}), "models is not a list"),
        (lambda manifest: manifest.update(models=[None]), "models[0] is not an object"),
        (lambda manifest: manifest.update(models=[]), "models has no model that gives one of age, gender, race, "),
        (
            lambda manifest: manifest["models"].append(manifest["models"][0]),
            "models has 2 models that give age; it takes one",
        ),
        (lambda manifest: manifest["detector"]["onnx"]["pnet"].pop("file"), "detector.onnx.pnet.file is missing"),
        (of_model(lambda model: model.pop("reader")), "models[0].reader is missing"),
        (of_model(lambda model: model.update(version=2)), "models[0].version is not a text"),
        (
            of_model(lambda model: model["outputs"].append("mood")),
            "models[0].outputs[5] is mood, which is no output that this server knows",
        ),
        (
            of_model(lambda model: model["heads"].pop("race")),
            "models[0].heads names age, gender, expression, beauty; "
            "the outputs are age, gender, race, expression, beauty",
        ),
        (of_model(lambda model: model["heads"].update(gender=3)), "models[0].heads.gender is 3; gender has 2"),
        (of_model(lambda model: model["heads"].update(age=0)), "models[0].heads.age is not a whole number above 0"),
        (
            of_model(lambda model: model["labels"]["gender"].reverse()),
            "models[0].labels.gender has other labels than this version serves",
        ),
        (
            of_model(lambda model: model["labels"].pop("race")),
            "models[0].labels.race has other labels than this version ",
        ),
        (
            of_model(lambda model: model["crop"].update(template="arcface-6")),
            "models[0].crop.template is arcface-6, which is none of xcloud-5, arcface-5",
        ),
        (of_model(lambda model: model["crop"].update(margin=-0.1)), "models[0].crop.margin is below 0"),
        (of_model(lambda model: model["calibration"].pop("coverage")), "models[0].calibration.coverage is missing"),
        (
            of_model(lambda model: model["calibration"]["bias"].update(gender=["much", 0])),
            "models[0].calibration.bias.gender[0] is not a number",
        ),
    ],
)
def test_manifest_that_does_not_fit_is_refused_with_the_field(weights: Path, change: Change, message: str) -> None:
    change_manifest(weights, change)

    with pytest.raises(ModelNotReady) as refused:
        read_manifest(weights)
    assert str(refused.value).startswith(f"manifest.json: {message}")


def test_manifest_that_is_no_json_is_refused(weights: Path) -> None:
    (weights / "manifest.json").write_text("{")

    with pytest.raises(ModelNotReady, match=r"^manifest\.json is not JSON: "):
        read_manifest(weights)


def test_a_kind_of_reader_that_is_not_known_is_refused(weights: Path) -> None:
    change_manifest(weights, of_model(lambda model: model.update(reader="oracle")))

    with pytest.raises(
        ModelNotReady, match=r"^manifest\.json: models\[0\]\.reader is oracle, which no reader is called"
    ):
        get_engine(EngineConfig(weights_dir=weights))


PUBLISHED = "age 101, gender 2, race 5, expression 7, beauty 10"


@pytest.mark.parametrize(
    ("change", "heads"),
    [
        ({"age": "years"}, "years 101, gender 2, race 5, expression 7, beauty 10"),
        ({"age": "gender", "gender": "age"}, "gender 101, age 2, race 5, expression 7, beauty 10"),
    ],
)
def test_onnx_with_heads_of_other_names_is_refused(weights: Path, change: dict[str, str], heads: str) -> None:
    model = onnx.load(weights / "attributes.onnx")
    for names in (list_ for node in model.graph.node for list_ in (node.input, node.output)):
        names[:] = [change.get(name, name) for name in names]
    for output in model.graph.output:
        output.name = change.get(output.name, output.name)
    onnx.save(model, weights / "attributes.onnx")
    publish(weights, "onnx")

    with pytest.raises(ModelNotReady) as refused:
        get_engine(EngineConfig(weights_dir=weights))
    message = f"attributes.onnx has the heads {heads}; manifest.json: models[0].heads has {PUBLISHED}"
    assert str(refused.value) == message


def test_onnx_with_a_head_of_another_size_is_refused(weights: Path) -> None:
    heads = {"age": 101, "gender": 2, "race": 7, "expression": 5, "beauty": 10}
    (weights / "attributes.onnx").write_bytes(flat_net(heads))
    publish(weights, "onnx")

    with pytest.raises(
        ModelNotReady, match=r"^attributes\.onnx has the heads age 101, gender 2, race 7, expression 5, "
    ):
        get_engine(EngineConfig(weights_dir=weights))


def test_tensors_whose_net_has_the_heads_in_another_order_are_refused(weights: Path) -> None:
    change_manifest(weights, of_model(lambda model: model["outputs"].reverse()))

    with pytest.raises(ModelNotReady) as refused:
        get_engine(EngineConfig(weights_dir=weights, backend=Backend.TORCH))
    assert str(refused.value) == (
        f"attributes.safetensors has the heads {PUBLISHED}; "
        "manifest.json: models[0].heads has beauty 10, expression 7, race 5, gender 2, age 101"
    )


@pytest.mark.parametrize("what", ["name", "size"])
def test_tensors_with_another_head_are_refused(weights: Path, what: str) -> None:
    file, head = weights / "attributes.safetensors", "branches.identity.heads.race.bias"
    tensors = load_file(file)
    bias = tensors.pop(head)
    tensors[head if what == "size" else head.replace("race", "mood")] = bias[:4] if what == "size" else bias
    save_file(tensors, file)
    publish(weights, "tensors")

    with pytest.raises(
        ModelNotReady, match=r"^attributes\.safetensors \(manifest.json: models\[0\]\.tensors\) holds .*"
    ) as refused:
        get_engine(EngineConfig(weights_dir=weights, backend=Backend.TORCH))
    assert head in str(refused.value)


def test_a_file_that_is_no_net_is_refused(weights: Path) -> None:
    (weights / "attributes.onnx").write_bytes(b"not a net")
    publish(weights, "onnx")

    with pytest.raises(ModelNotReady, match=r"^attributes\.onnx \(manifest.json: models\[0\]\.onnx\) cannot be loaded"):
        get_engine(EngineConfig(weights_dir=weights))


def test_facenet_pytorch_is_found_but_never_imported() -> None:
    load_detector(EngineConfig(backend=Backend.TORCH))

    assert "facenet_pytorch" not in sys.modules


def test_the_torch_backend_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    config = EngineConfig(backend=Backend.TORCH)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelNotReady, match=r"requirements-torch\.txt"):
        AttributeReader.load(read_manifest(config.weights_dir).default, config)
