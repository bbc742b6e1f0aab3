"""The readers of an engine, each loaded when it is first needed, and the built-in kinds of reader."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from cv.engine.align import Crop
from cv.engine.catalog import Catalog
from cv.engine.config import Backend, EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.fields import MANIFEST
from cv.engine.manifest import Model
from cv.engine.model_card import ModelCard
from cv.engine.readers.attributes import AttributeReader
from cv.engine.readers.base import FaceReader, PhotoReader, ReaderKind, reader_kind, register_kind
from cv.engine.readers.embeddings import EmbeddingReader
from cv.engine.readers.flags import FlagsReader
from cv.engine.readers.mesh import MeshReader
from cv.engine.readers.portrait import PortraitReader

Reader = TypeVar("Reader")

register_kind("attributes", AttributeReader.load)
register_kind("embeddings", EmbeddingReader.load)
register_kind("mesh", MeshReader.load)
register_kind("flags", FlagsReader.load)


class Lazy(Generic[Reader]):
    """A reader that is loaded at first use, once, however many threads use it."""

    def __init__(self, make: Callable[[], Reader], check: Callable[[], object]) -> None:
        """``check`` raises ModelNotReady if what ``make`` needs is missing; it loads nothing."""
        self.check = check
        self._make = make
        self._loading = threading.Lock()
        self._reader: Reader | None = None

    @property
    def is_loaded(self) -> bool:
        return self._reader is not None

    def load(self) -> Reader:
        """The reader. Raises ModelNotReady; the next call tries again."""
        with self._loading:
            if self._reader is None:
                self._reader = self._make()
            return self._reader


class LazyReader(Lazy[FaceReader]):
    """A reader of faces. Card, crop and outputs need no load."""

    def __init__(
        self,
        card: ModelCard,
        crop: Crop,
        gives: frozenset[str],
        make: Callable[[], FaceReader],
        check: Callable[[], object],
    ) -> None:
        super().__init__(make, check)
        self.card, self.crop, self.gives = card, crop, gives


def lazy_readers(catalog: Catalog, config: EngineConfig) -> tuple[LazyReader, ...]:
    """One for each model in service; nothing is loaded yet. Raises ModelNotReady if a kind of reader is unknown."""
    of_models = [_of_model(model, config) for model in catalog.manifest.models]
    of_plugins = [
        LazyReader(reader.card, reader.crop, reader.gives, partial(_itself, reader), reader.check)
        for reader in catalog.readers
    ]
    return *of_models, *of_plugins


def lazy_portrait(catalog: Catalog, config: EngineConfig) -> Lazy[PhotoReader] | None:
    """The reader of whole photos; None for weights without one."""
    if (model := catalog.manifest.portrait) is None:
        return None
    return Lazy(partial(PortraitReader.load, model, config), model.files.onnx.read)


def _of_model(model: Model, config: EngineConfig) -> LazyReader:
    file = (model.files.tensors if config.backend is Backend.TORCH else None) or model.files.onnx
    make = partial(_kind_of(model), model, config)
    return LazyReader(model.card, model.crop, frozenset(model.outputs), make, file.read)


def _kind_of(model: Model) -> ReaderKind:
    try:
        return reader_kind(model.reader)
    except KeyError:
        raise ModelNotReady(f"{MANIFEST}: {model.field}.reader is {model.reader}, which no reader is called") from None


def _itself(reader: FaceReader) -> FaceReader:
    return reader
