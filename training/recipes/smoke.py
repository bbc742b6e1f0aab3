"""One short epoch on the smallest set with a served label, to check that training runs."""

from training.recipes import identity
from training.recipes.recipe import Recipe

RECIPE = Recipe(
    name="smoke",
    net="identity",
    sets={"mebeauty": 1},
    losses=identity.RECIPE.losses,
    score={"mebeauty_beauty": 1},
    epochs=1,
    batch_size=16,
    warmup_steps=1,
)
