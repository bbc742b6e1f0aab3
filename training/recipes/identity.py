"""Age, gender, race and beauty from one trunk: label distributions (Gao et al. 2018) on top of face recognition.

dlib's first three stages learned from three million faces and stay as they are. An epoch is then worth about as much
and takes a third of the time, so that there can be more epochs. Half of each target is what the published net says of
the face, and faces are blended in pairs.
"""

from cv.engine.labels import Attribute
from training.data.augment import STRONG
from training.losses import Loss
from training.recipes.recipe import Recipe

RECIPE = Recipe(
    name="identity",
    net="identity",
    sets={"utkface": 1, "mebeauty": 3, "omi": 1},
    losses={
        Attribute.AGE: Loss(),
        Attribute.GENDER: Loss(),
        Attribute.RACE: Loss(),
        Attribute.BEAUTY: Loss(weight=0.4),
    },
    # An error of ten years counts as much as all genders.
    score={"utkface_gender": 1, "utkface_race": 1, "mebeauty_beauty": 1, "utkface_age": -0.1},
    frozen=3,
    epochs=20,
    trunk_rate=5e-4,
    dropout=0.2,
    label_smoothing=0.0,
    mixup=0.2,
    teacher_share=0.5,
    augment=STRONG,
)
