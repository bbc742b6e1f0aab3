"""Models beside the weights: each a folder that ``training.publish`` wrote, with a manifest of its own.

Its ``manifest.json`` has models as the weights' has, and ``defines``: the outputs that are not known without it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cv.engine.align import Similarity
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST, Part
from cv.engine.manifest import FORMAT, Model, read_models
from cv.engine.outputs import DEFAULT_OUTPUTS, Output, Shape, register
from cv.engine.readers.base import FaceReader, reader_kind, register_reader, registered_readers
from cv.engine.types import Answers

# What a net's head can answer, see ``cv.engine.readers.attributes``.
_SHAPES: Final = (Shape.CATEGORY, Shape.ESTIMATE)
_LARGEST_MANIFEST: Final = 1024 * 1024
_MOST_ENTRIES: Final = 1000


class PublishedReader(FaceReader):
    """Loads its net at the first face. Thread-safe."""

    def __init__(self, model: Model, config: EngineConfig) -> None:
        self.model, self.config = model, config
        self.card, self.crop, self.gives = model.card, model.crop, frozenset(model.outputs)
        self._loading = threading.Lock()
        self._reader: FaceReader | None = None

    def check(self) -> None:
        self.model.files.onnx.read()

    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        with self._loading:
            if self._reader is None:
                self._reader = reader_kind(self.model.reader)(self.model, self.config)
        return self._reader.read(chips, to_photo, wanted)


def load_published(folders: Iterable[Path], config: EngineConfig) -> None:
    """Registers the outputs and readers of the folders; a folder that is registered already is left as it is.

    Raises ModelNotReady, which names the folder, if one cannot be used.
    """
    for folder in folders:
        try:
            _load(folder, config)
        except (ModelNotReady, ValueError) as error:
            raise ModelNotReady(f"the model in {folder}: {error}") from error


def _load(folder: Path, config: EngineConfig) -> None:
    whole = _read_manifest(folder)
    for part in whole["defines"].entries():
        register(_output(part))
    for model in read_models(whole["models"], folder):
        for name in model.outputs:
            if name in DEFAULT_OUTPUTS:
                raise whole["models"].wrong(f"gives {name}, which is the weights' own")
        if all(reader.card != model.card for reader in registered_readers()):
            register_reader(PublishedReader(model, config))


def _read_manifest(folder: Path) -> Part:
    try:
        with (folder / MANIFEST).open("rb") as file:
            data = file.read(_LARGEST_MANIFEST + 1)
    except OSError as error:
        raise ModelNotReady(f"{MANIFEST} cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_MANIFEST:
        raise ModelNotReady(f"{MANIFEST} is larger than {_LARGEST_MANIFEST} bytes")
    try:
        whole = Part(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise ModelNotReady(f"{MANIFEST} is not JSON: {error}") from error
    if whole["format"].value != FORMAT:
        raise whole["format"].wrong(f"is {whole['format'].value!r}; this version reads {FORMAT}")
    return whole


def _output(part: Part) -> Output:
    if part["shape"].text() not in _SHAPES:
        raise part["shape"].wrong(f"is {part['shape'].value}, which is none of {', '.join(_SHAPES)}")
    shape = Shape(part["shape"].text())
    labels, bins = part["labels"].texts(), tuple(float(value.number()) for value in part["bins"].entries())
    if max(len(labels), len(bins)) > _MOST_ENTRIES:
        raise part.wrong(f"has more than {_MOST_ENTRIES} labels or bins")
    if shape is Shape.CATEGORY and (len(set(labels)) != len(labels) or len(labels) < 2 or bins):
        raise part["labels"].wrong("must be two or more different names, and bins none")
    if shape is Shape.ESTIMATE and (list(bins) != sorted(set(bins)) or len(bins) < 2 or labels):
        raise part["bins"].wrong("must be two or more rising values, and labels none")
    scale = (bins[0], bins[-1]) if bins else None
    return Output(part["name"].text(), shape, labels=labels, bins=bins, unit=part["unit"].text(), scale=scale)
