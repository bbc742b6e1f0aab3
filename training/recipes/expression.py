"""The seven expressions, with a smaller trunk of their own, because face recognition learns to ignore them.

FER2013's labels are often wrong, so a part of each target comes from its ten voters: with half of it, fewer answers
match the labels. Another part comes from the published net, as in born-again networks (Furlanello et al. 2018). RAF-DB
adds colour. Rare expressions are drawn more often than they occur. The last two fifths of the steps use whole faces
instead of blends.
"""

from cv.engine.labels import Attribute
from training.data.augment import STRONG
from training.losses import Loss
from training.recipes.recipe import PUBLISHED, Recipe

RECIPE = Recipe(
    name="expression",
    net="expression",
    sets={"fer2013": 1, "rafdb": 1.5, "facial_expressions": 1.5},
    losses={Attribute.EXPRESSION: Loss()},
    score={"fer2013_expression": 1, "rafdb_expression": 1, "facial_expressions_expression": 1},
    start=PUBLISHED,
    frozen=1,
    balance={Attribute.EXPRESSION: 0.3},
    epochs=7,
    trunk_rate=4e-4,
    head_rate=1e-3,
    dropout=0.2,
    label_smoothing=0.05,
    mixup=0.2,
    mixup_until=0.6,
    votes_share=0.15,
    teacher_share=0.25,
    augment=STRONG,
)
