"""Age, gender, race and beauty from one trunk: label distributions (Gao et al. 2018) on top of face recognition.

The stem and one stage stay frozen: with three stages frozen, FairFace gains nothing after the first epoch. FairFace
gives age bands instead of years. SCUT and One Million Impressions are converted to MEBeauty's scale of beauty. Gender
and race count twice, because their losses are a tenth and a quarter of age's.
"""

from cv.engine.labels import Attribute
from training.data.augment import STRONG
from training.losses import Loss
from training.recipes.recipe import PUBLISHED, Recipe

RECIPE = Recipe(
    name="identity",
    net="identity",
    sets={"utkface": 1, "fairface": 1, "allage": 1, "mebeauty": 3, "scut": 0.5, "omi": 1},
    losses={
        Attribute.AGE: Loss(),
        Attribute.GENDER: Loss(weight=2.0),
        Attribute.RACE: Loss(weight=2.0),
        Attribute.BEAUTY: Loss(weight=0.8),
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
    frozen=2,
    epochs=5,
    trunk_rate=3e-4,
    head_rate=1e-3,
    dropout=0.2,
    label_smoothing=0.0,
    augment=STRONG,
)
