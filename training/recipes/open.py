"""Age, gender and race from FairFace alone, whose licence allows commercial use, on dlib's public-domain trunk.

For the weights that a company may use (``weights/open``). FairFace gives age bands instead of years. The first three
parts of the trunk stay frozen: what they know of faces came from more pictures than FairFace has.
"""

from cv.engine.labels import Attribute
from training.data.augment import Augmentation
from training.losses import Loss
from training.recipes.recipe import Recipe

RECIPE = Recipe(
    name="open",
    net="open",
    sets={"fairface": 0.6},
    losses={Attribute.AGE: Loss(), Attribute.GENDER: Loss(), Attribute.RACE: Loss()},
    score={"fairface_gender": 1, "fairface_race": 1},
    frozen=3,
    epochs=3,
    trunk_rate=1e-3,
    head_rate=2e-3,
    dropout=0.2,
    label_smoothing=0.0,
    augment=Augmentation(),
)
