"""A plugin in one file: a reader without weights that answers the mean colour of a face's chip."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cv.engine.align import XCLOUD_5, Crop, Similarity
from cv.engine.model_card import ModelCard
from cv.engine.outputs import Output, Shape, register
from cv.engine.readers.base import FaceReader, register_reader
from cv.engine.types import Answers, Vector

MEAN_COLOUR = register(Output("mean_colour", Shape.VECTOR, labels=("red", "green", "blue"), unit="of 255"))


class MeanColour(FaceReader):
    """Levels from 0 to 255."""

    card = ModelCard("toy", "1", hashlib.sha256(Path(__file__).read_bytes()).hexdigest(), licence="as the tests'")
    crop = Crop(XCLOUD_5, 64)
    gives = frozenset({MEAN_COLOUR.name})

    def read(
        self, chips: npt.NDArray[np.uint8], to_photo: Sequence[Similarity], wanted: frozenset[str]
    ) -> list[Answers]:
        return [{MEAN_COLOUR.name: Vector(tuple(chip.mean(axis=(0, 1)).tolist()))} for chip in chips]


register_reader(MeanColour())
