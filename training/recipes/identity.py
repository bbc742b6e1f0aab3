"""Age, gender, race and beauty from one trunk: label distributions (Gao et al. 2018) on top of face recognition.

Only the stem stays frozen: with three stages frozen, FairFace gains nothing after the first epoch. FairFace gives age
bands instead of years. SCUT and One Million Impressions are converted to MEBeauty's scale of beauty.
"""

from cv.engine.labels import Attribute
from training.data.augment import STRONG
from training.losses import Loss
from training.recipes.recipe import PUBLISHED, Recipe

RECIPE = Recipe(
    name="identity",
    net="identity",
    sets={"utkface": 1, "fairface": 1, "allage": 1, "mebeauty": 2, "scut": 0.5, "omi": 1},
    losses={
        Attribute.AGE: Loss(),
        Attribute.GENDER: Loss(),
        Attribute.RACE: Loss(),
        Attribute.BEAUTY: Loss(weight=0.6),
    },
    # A mean error of ten years costs as much as a set's gender accuracy can earn.
    score={
        "utkface_gender": 1,
        "fairface_gender": 1,
        "allage_gender": 1,
        "utkface_race": 1,
        "fairface_race": 1,
        "mebeauty_beauty": 1,
        "scut_beauty": 1,
        "utkface_age": -0.1,
        "allage_age": -0.1,
    },
    start=PUBLISHED,
    frozen=1,
    epochs=4,
    trunk_rate=4e-4,
    head_rate=1e-3,
    dropout=0.2,
    label_smoothing=0.0,
    augment=STRONG,
)
