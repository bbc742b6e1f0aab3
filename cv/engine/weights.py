"""Which weights are served: the manifest beside them, their checksums, and what it says of the attribute model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cv.engine.errors import ModelNotReady
from cv.engine.labels import CLASSES, Attribute

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file that must have exactly these bytes."""

    path: Path
    sha256: str

    def read(self) -> bytes:
        """The file's bytes. Raises ModelNotReady where it is missing or not the one that was published."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModelNotReady(f"weights {self.path.name} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelNotReady(f"weights {self.path.name} are not those of the manifest: the sha256 differs")
        return data


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted after training, on faces that training did not see.

    ``bias`` is added to a head's logits, so that rare classes get their share (logit adjustment, Menon et al. 2021);
    ``temperature`` divides the sum (Guo et al. 2017; fitted as by Clarté et al. 2023). An interval runs between the
    quantiles that leave ``1 - coverage`` outside, widened at both ends by ``widening`` (conformalised quantiles, Romano
    et al. 2019), in years for age and in points of the scale for beauty.
    """

    bias: Mapping[Attribute, tuple[float, ...]]
    temperature: Mapping[Attribute, float]
    widening: Mapping[Attribute, float]
    coverage: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a user may know of the model in service. ``metrics`` were measured on ``val`` by the served pipeline;
    ``training`` has the command that made it, with its settings, versions and day."""

    name: str
    version: str
    sha256: str
    architecture: str
    chip_size: int
    labels: Mapping[str, tuple[str, ...]]
    licence: str
    trained_on: tuple[str, ...]
    interval_coverage: float
    metrics: Mapping[str, float]
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that an engine loads. ``onnx`` and ``tensors`` hold the same nets, by name."""

    onnx: Mapping[str, WeightsFile]
    tensors: Mapping[str, WeightsFile]
    card: ModelCard
    calibration: Calibration


def read_manifest(weights_dir: Path) -> Manifest:
    """Reads ``manifest.json``; files are checked only when they are read. Raises ModelNotReady."""
    try:
        data = json.loads((weights_dir / MANIFEST).read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ModelNotReady(f"{MANIFEST} has format {data['format']}; this version reads {FORMAT}")
        return _manifest(data, weights_dir)
    except OSError as error:
        raise ModelNotReady(f"{MANIFEST} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelNotReady(f"{MANIFEST} is not a weights manifest: {error!r}") from error


def _manifest(data: dict[str, Any], weights_dir: Path) -> Manifest:
    attributes, mtcnn = data["attributes"], data["mtcnn"]
    labels = {name: tuple(values) for name, values in attributes["labels"].items()}
    if labels != {attribute.value: classes for attribute, classes in CLASSES.items()}:
        raise ModelNotReady("the weights were trained on other labels than this version serves")

    def ours(entry: Mapping[str, str]) -> WeightsFile:
        return WeightsFile(weights_dir / entry["file"], entry["sha256"])

    onnx = {name: ours(entry) for name, entry in mtcnn["onnx"].items()} | {"attributes": ours(attributes["onnx"])}
    tensors = {name: _from_package(mtcnn["package"], entry) for name, entry in mtcnn["tensors"].items()}
    tensors["attributes"] = ours(attributes["tensors"])
    calibration = attributes["calibration"]
    return Manifest(
        onnx=onnx,
        tensors=tensors,
        card=ModelCard(
            name=attributes["name"],
            version=attributes["version"],
            sha256=attributes["onnx"]["sha256"],
            architecture=attributes["architecture"],
            chip_size=attributes["chip_size"],
            labels=labels,
            licence=attributes["licence"],
            trained_on=tuple(attributes["trained_on"]),
            interval_coverage=calibration["coverage"],
            metrics=attributes["metrics"],
            training=attributes.get("training", {}),
        ),
        calibration=Calibration(
            bias={Attribute(name): tuple(values) for name, values in calibration["bias"].items()},
            temperature={Attribute(name): value for name, value in calibration["temperature"].items()},
            widening={Attribute(name): value for name, value in calibration["widening"].items()},
            coverage=calibration["coverage"],
        ),
    )


def _from_package(package: str, entry: Mapping[str, str]) -> WeightsFile:
    """A file inside an installed package, found without importing the package."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return WeightsFile(Path(folders[0] if folders else package, entry["file"]), entry["sha256"])
