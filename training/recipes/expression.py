"""The seven expressions, from a smaller trunk of their own: face recognition learns to look past them."""

from cv.engine.labels import Attribute
from training.data.augment import STRONG
from training.losses import Loss
from training.recipes.recipe import PUBLISHED, Recipe

RECIPE = Recipe(
    name="expression",
    net="expression",
    sets={"fer2013": 1, "facial_expressions": 1},
    losses={Attribute.EXPRESSION: Loss()},
    score={"fer2013_expression": 1},
    start=PUBLISHED,
    frozen=2,
    epochs=12,
    trunk_rate=4e-4,
    head_rate=8e-4,
    dropout=0.2,
    label_smoothing=0.1,
    mixup=0.2,
    teacher_share=0.3,
    augment=STRONG,
)
