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

# The attributes of CelebA (Liu et al. 2015) that describe how a face looks in the picture.
FACE_TRAITS: Final = (
    "5_o_clock_shadow", "arched_eyebrows", "bags_under_eyes", "bald", "bangs", "black_hair", "blond_hair", "blurry",
    "brown_hair", "bushy_eyebrows", "eyeglasses", "goatee", "gray_hair", "heavy_makeup", "high_cheekbones", "male",
    "mouth_slightly_open", "mustache", "narrow_eyes", "no_beard", "oval_face", "pointy_nose", "receding_hairline",
    "rosy_cheeks", "sideburns", "smiling", "straight_hair", "wavy_hair", "wearing_earrings", "wearing_hat",
    "wearing_lipstick", "wearing_necklace", "wearing_necktie", "young",
)  # fmt: skip
# Its other six, which judge a face rather than describe it.
JUDGED_TRAITS: Final = ("attractive", "big_lips", "big_nose", "chubby", "double_chin", "pale_skin")
ALL_TRAITS: Final = (*FACE_TRAITS, *JUDGED_TRAITS)

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
