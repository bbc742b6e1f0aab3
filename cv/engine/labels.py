"""The label sets that the nets are trained on and the API serves, each in the order of its logits."""

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt


class Attribute(StrEnum):
    """The attributes of a face."""

    AGE = "age"
    GENDER = "gender"
    RACE = "race"
    EXPRESSION = "expression"
    BEAUTY = "beauty"


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"


class Race(StrEnum):
    """UTKFace's five classes; ``others`` is a mixed class (Hispanic, Latino, Middle Eastern)."""

    WHITE = "white"
    BLACK = "black"
    ASIAN = "asian"
    INDIAN = "indian"
    OTHERS = "others"


class Expression(StrEnum):
    """The seven classes of FER2013."""

    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPINESS = "happiness"
    SADNESS = "sadness"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


CLASSES: Final[dict[Attribute, tuple[str, ...]]] = {
    Attribute.GENDER: tuple(map(str, Gender)),
    Attribute.RACE: tuple(map(str, Race)),
    Attribute.EXPRESSION: tuple(map(str, Expression)),
}

BINS: Final[dict[Attribute, npt.NDArray[np.float32]]] = {
    # Years. Ages above 100 are trained as 100: UTKFace has almost none and labels them badly.
    Attribute.AGE: np.arange(101, dtype=np.float32),
    # The rating scale of MEBeauty.
    Attribute.BEAUTY: np.arange(1, 11, dtype=np.float32),
}
BEAUTY_SCALE: Final = (1.0, 10.0)


def head_size(attribute: Attribute) -> int:
    """Number of logits of the attribute's head."""
    return len(CLASSES[attribute]) if attribute in CLASSES else len(BINS[attribute])
