"""Which weights are served: ``manifest.json`` beside them, format 2, with the detector's files and a list of models."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cv.engine.align import TEMPLATES, Crop
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST, Part
from cv.engine.model_card import ModelCard
from cv.engine.odds import Odds, read_odds
from cv.engine.outputs import DEFAULT_OUTPUTS, EMBEDDING, Shape, all_outputs, get_output
from cv.engine.traits import TRAITS
from cv.engine.types import QualityWarning

FORMAT = 2


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file with a fixed hash; ``field`` is the manifest's field that names it."""

    path: Path
    sha256: str
    field: str

    def read(self) -> bytes:
        """The file's bytes. Raises ModelNotReady if it is missing or not the one that was published."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ModelNotReady(
                f"{self.path.name} ({MANIFEST}: {self.field}) cannot be read: {error.strerror}"
            ) from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelNotReady(f"{self.path.name} was changed: it differs from {self.field}.sha256 of {MANIFEST}")
        return data


@dataclass(frozen=True, slots=True)
class NetFiles:
    """One net twice: as ONNX Runtime serves it, and as PyTorch loads it. A net without ``tensors`` is always served by
    ONNX Runtime."""

    onnx: WeightsFile
    tensors: WeightsFile | None


@dataclass(frozen=True, slots=True)
class Levels:
    """Which values an interval contains: those whose cumulative share in the distribution is from ``low`` to ``high``.

    Both depend on the value: they are given ``at`` some values, rise or fall evenly between those, and stay the same
    outside. So a value that the net underrates can belong to an interval although the net gives it little.
    """

    at: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


# A central interval of 80 %, for a net that was not calibrated.
CENTRAL = Levels((0.0,), (0.1,), (0.9,))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters for each output, fitted after training on faces that training did not use.

    ``bias`` is added to a head's logits, so that rare classes get their share (logit adjustment, Menon et al. 2021);
    ``temperature`` divides the sum (Guo et al. 2017). It is multiplied by e to the power of the sum of the face's
    traits (``cv.engine.traits``), each times its ``slopes``: answers about small or grey faces may be less sure.
    ``levels`` say where intervals end, ``coverage`` how many contain the label; it is 0 without estimates.
    """

    bias: Mapping[str, tuple[float, ...]]
    temperature: Mapping[str, float]
    slopes: Mapping[str, tuple[float, ...]]
    levels: Mapping[str, Levels]
    coverage: float


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of ``models``. ``heads`` has the number of logits of each output, in the order of the net's heads;
    ``reader`` is the kind of reader that runs the net; ``field`` is the entry's path in the manifest."""

    field: str
    card: ModelCard
    reader: str
    heads: Mapping[str, int]
    crop: Crop
    files: NetFiles
    calibration: Calibration
    # Of a model whose vectors are compared.
    odds: Odds | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.heads)


@dataclass(frozen=True, slots=True)
class CheckModel:
    """The net that checks what the cascade found. The logit that it is a face is ``bias + chip·(the net's logit) +
    cascade·(the logit of the cascade's score)``, and it stays from the probability ``threshold`` on."""

    card: ModelCard
    crop: Crop
    files: NetFiles
    threshold: float
    bias: float
    chip: float
    cascade: float


@dataclass(frozen=True, slots=True)
class PhotoModel:
    """The net that tells people from their background: it sees the whole photo at ``size`` × ``size`` pixels."""

    card: ModelCard
    files: NetFiles
    size: int


@dataclass(frozen=True, slots=True)
class QualityModel:
    """The net that judges a face's chip. The logit of the score is ``bias + slope·(the net's first output)``; its other
    outputs belong to the warnings of ``thresholds``, in their order, and each is given from its threshold on."""

    card: ModelCard
    crop: Crop
    files: NetFiles
    slope: float
    bias: float
    thresholds: Mapping[QualityWarning, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that an engine loads. ``detector`` has the cascade's nets by name, in their order; ``check`` and
    ``portrait`` are None for weights without one."""

    detector: Mapping[str, NetFiles]
    models: tuple[Model, ...]
    quality: QualityModel
    check: CheckModel | None = None
    portrait: PhotoModel | None = None

    @property
    def default(self) -> Model:
        """The model that gives most of the outputs that are answered if a request names none."""
        return max(self.models, key=lambda model: len(model.heads.keys() & set(DEFAULT_OUTPUTS)))


def read_manifest(weights_dir: Path) -> Manifest:
    """Reads ``manifest.json``; weights are checked only when they are read.

    Raises ModelNotReady, which names the field, if it is missing, of another format, or does not fit the outputs that
    are known.
    """
    try:
        data = json.loads((weights_dir / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelNotReady(f"{MANIFEST} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelNotReady(f"{MANIFEST} is not JSON: {error}") from error
    whole = Part(data)
    if whole["format"].value != FORMAT:
        raise whole["format"].wrong(f"is {whole['format'].value!r}; this version reads {FORMAT}")
    manifest = Manifest(
        _detector(whole["detector"], weights_dir),
        tuple(read_models(whole["models"], weights_dir)),
        _quality(whole["quality"], weights_dir),
        check=_check(whole["check"], weights_dir) if "check" in whole.mapping() else None,
        portrait=_portrait(whole["portrait"], weights_dir) if "portrait" in whole.mapping() else None,
    )
    given = [name for model in manifest.models for name in model.outputs]
    for name in dict.fromkeys(given):
        if given.count(name) != 1:
            raise whole["models"].wrong(f"has {given.count(name)} models that give {name}; it takes one")
    if not set(given) & set(DEFAULT_OUTPUTS):
        raise whole["models"].wrong(f"has no model that gives one of {', '.join(DEFAULT_OUTPUTS)}")
    return manifest


def _detector(part: Part, weights_dir: Path) -> dict[str, NetFiles]:
    package = _folder_of(part["package"].text())
    return {
        name: NetFiles(_file(onnx, weights_dir), _file(part["tensors"][name], package))
        for name, onnx in part["onnx"].items()
    }


def _check(part: Part, weights_dir: Path) -> CheckModel:
    numbers = {name: float(part[name].number()) for name in ("threshold", "bias", "chip", "cascade")}
    crop, files = _crop(part["crop"]), _files(part, weights_dir)
    return CheckModel(_card(part, files, crop.size), crop, files, **numbers)


def _portrait(part: Part, weights_dir: Path) -> PhotoModel:
    files, size = _files(part, weights_dir), part["size"].count()
    return PhotoModel(_card(part, files, size), files, size)


def _quality(part: Part, weights_dir: Path) -> QualityModel:
    for name, threshold in part["thresholds"].items():
        if name not in list(QualityWarning):
            raise threshold.wrong(f"is none of {', '.join(QualityWarning)}")
    crop, files = _crop(part["crop"]), _files(part, weights_dir)
    return QualityModel(
        _card(part, files, crop.size),
        crop,
        files,
        part["slope"].number(),
        part["bias"].number(),
        {QualityWarning(name): threshold.number() for name, threshold in part["thresholds"].items()},
    )


def read_models(part: Part, weights_dir: Path) -> Iterator[Model]:
    """The entries of ``models``, whose files are in this folder. Raises ModelNotReady."""
    for entry in part.entries():
        heads = _heads(entry)
        calibration = _calibration(entry["calibration"], heads)
        files = _files(entry, weights_dir)
        crop = _crop(entry["crop"])
        yield Model(
            field=entry.field,
            card=_card(
                entry,
                files,
                crop.size,
                labels=_labels(entry["labels"], heads),
                interval_coverage=calibration.coverage or None,
                outputs=tuple(heads),
            ),
            reader=entry["reader"].text(),
            heads=heads,
            crop=crop,
            files=files,
            calibration=calibration,
            odds=_odds(entry["odds"]) if EMBEDDING.name in heads else None,
        )


def _card(part: Part, files: NetFiles, chip_size: int, **more: Any) -> ModelCard:
    named = ("name", "version", "licence", "architecture")
    name, version, licence, architecture = (part[field].text() for field in named)
    metrics = {metric: value.number() for metric, value in part["metrics"].items()}
    trained_on, training = part["trained_on"].texts(), part["training"].mapping()
    card = ModelCard(name, version, files.onnx.sha256, licence, architecture, chip_size)
    return replace(card, trained_on=trained_on, metrics=metrics, training=training, **more)


def _heads(entry: Part) -> dict[str, int]:
    """The outputs with the sizes of their heads, in the order of ``outputs``."""
    known = {output.name for output in all_outputs()}
    for output in entry["outputs"].entries():
        if output.text() not in known:
            raise output.wrong(f"is {output.value}, which is no output that this server knows")
    names = entry["outputs"].texts()
    sizes = entry["heads"].mapping()
    if sorted(sizes) != sorted(names):
        raise entry["heads"].wrong(f"names {', '.join(sizes)}; the outputs are {', '.join(names)}")
    heads = {name: entry["heads"][name].count() for name in names}
    for name, size in heads.items():
        expected = get_output(name).size
        if expected is not None and size != expected:
            raise entry["heads"][name].wrong(f"is {size}; {name} has {expected}")
    return heads


def _labels(part: Part, heads: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The classes that the heads were trained on, in order. In another order every answer would get a wrong name."""
    labels = {name: values.texts() for name, values in part.items()}
    expected = {name: get_output(name).labels for name in heads if get_output(name).labels}
    for name in dict.fromkeys([*expected, *labels]):
        if labels.get(name) != expected.get(name):
            raise part.inner(name).wrong("has other labels than this version serves")
    return labels


def _crop(part: Part) -> Crop:
    template, margin = part["template"], part["margin"]
    if template.text() not in TEMPLATES:
        raise template.wrong(f"is {template.value}, which is none of {', '.join(TEMPLATES)}")
    if margin.number() < 0:
        raise margin.wrong("is below 0")
    return Crop(TEMPLATES[template.value], part["size"].count(), float(margin.number()))


def _calibration(part: Part, heads: Mapping[str, int]) -> Calibration:
    estimates = any(get_output(name).shape is Shape.ESTIMATE for name in heads)
    return Calibration(
        bias={name: _numbers(row) for name, row in part.optional("bias").items()},
        temperature={name: value.number() for name, value in part.optional("temperature").items()},
        slopes={name: _slopes(row) for name, row in part.optional("slopes").items()},
        levels={name: _levels(entry) for name, entry in part.optional("levels").items()},
        coverage=part["coverage"].number() if estimates else 0.0,
    )


def _odds(part: Part) -> Odds:
    try:
        return read_odds(part.mapping())
    except ValueError as error:
        raise part.wrong(f"cannot be used: {error}") from None


def _numbers(part: Part) -> tuple[float, ...]:
    return tuple(value.number() for value in part.entries())


def _slopes(part: Part) -> tuple[float, ...]:
    """In the order of TRAITS; a trait that is not named has no effect."""
    for name, slope in part.items():
        if name not in TRAITS:
            raise slope.wrong(f"is no trait of a face: {', '.join(TRAITS)}")
    return tuple(part[name].number() if name in part.mapping() else 0.0 for name in TRAITS)


def _levels(part: Part) -> Levels:
    levels = Levels(_numbers(part["at"]), _numbers(part["low"]), _numbers(part["high"]))
    if not levels.at or list(levels.at) != sorted(set(levels.at)):
        raise part["at"].wrong("must have rising values")
    for name, row in (("low", levels.low), ("high", levels.high)):
        if len(row) != len(levels.at) or not all(0 <= level <= 1 for level in row):
            raise part[name].wrong("must have a share from 0 to 1 for each value")
    return levels


def _files(entry: Part, weights_dir: Path) -> NetFiles:
    tensors = _file(entry["tensors"], weights_dir) if "tensors" in entry.mapping() else None
    return NetFiles(_file(entry["onnx"], weights_dir), tensors)


def _file(part: Part, folder: Path) -> WeightsFile:
    return WeightsFile(folder / part["file"].text(), part["sha256"].text(), part.field)


def _folder_of(package: str) -> Path:
    """An installed package's folder, found without importing the package."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0] if folders else package)
