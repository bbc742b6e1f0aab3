"""The last epochs of ``identity``: blended faces have blended ages, so here faces are whole."""

from dataclasses import replace

from training.recipes import identity

RECIPE = replace(
    identity.RECIPE,
    name="identity-end",
    start="identity",
    epochs=3,
    trunk_rate=2e-4,
    head_rate=4e-4,
    mixup=0.0,
)
