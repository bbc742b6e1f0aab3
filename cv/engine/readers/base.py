"""The base classes of readers: models that answer about faces from their chips, or about a whole photo.

Plugins register theirs here.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.align import Crop, Similarity
from cv.engine.config import EngineConfig
from cv.engine.manifest import Model
from cv.engine.model_card import ModelCard
from cv.engine.types import Answers


class FaceReader(ABC):
    """Answers about all faces of a photo in one call; thread-safe. ``gives`` are the names of its outputs."""

    card: ModelCard
    crop: Crop
    gives: frozenset[str]

    @abstractmethod
    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        """uint8 RGB ``(N, S, S, 3)``, N ≥ 1, cut as ``crop`` says → the ``wanted`` outputs of each face.

        ``to_photo`` maps each chip's pixels to those of the photo; ``wanted`` is a part of ``gives``, and not empty.
        """

    def check(self) -> None:  # noqa: B027  (most plugins need no files)
        """Raises ModelNotReady if a file that the reader will load is missing or changed; loads nothing."""


class PhotoReader(ABC):
    """Tells what belongs to people in a whole photo; thread-safe."""

    card: ModelCard

    @abstractmethod
    def read(self, photo: Image.Image) -> npt.NDArray[np.float32]:
        """RGB of any size → float32 ``(h, w)`` of the same view: 1 is all person, 0 is all background."""


# Makes a reader from a model's entry in the manifest. Raises ModelNotReady.
ReaderKind = Callable[[Model, EngineConfig], FaceReader]

_KINDS: Final[dict[str, ReaderKind]] = {}
_READERS: Final[dict[str, FaceReader]] = {}


def register_kind(name: str, kind: ReaderKind) -> None:
    """Makes ``"reader": name`` of the manifest known. Raises ValueError if the name is taken."""
    if _KINDS.setdefault(name, kind) != kind:
        raise ValueError(f"another kind of reader is called {name}")


def reader_kind(name: str) -> ReaderKind:
    """Raises KeyError for a name that is not known."""
    return _KINDS[name]


def register_reader(reader: FaceReader) -> None:
    """Adds a reader without weights, which has no entry in the manifest. Raises ValueError if its name is taken."""
    if _READERS.setdefault(reader.card.name, reader) is not reader:
        raise ValueError(f"another reader is called {reader.card.name}")


def registered_readers() -> tuple[FaceReader, ...]:
    return tuple(_READERS.values())
