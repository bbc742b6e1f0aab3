"""The training runs, one per file: ``python -m training.train --recipe NAME`` runs the RECIPE of ``NAME.py``.

A new recipe needs only its file. It names its net (``training.nets``), sets (tables of the data folder), losses
(``training.losses``) and the measures that choose its best epoch.
"""

from importlib import import_module
from pkgutil import iter_modules

from training.recipes.recipe import Recipe

_BASE = "recipe"


def list_recipes() -> list[str]:
    """The names of all recipes, one per file of this folder."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__) if module.name != _BASE)


def find_recipe(name: str) -> Recipe:
    """The recipe of this name; ``-`` and ``_`` are the same. Raises ValueError if there is none."""
    if name.replace("_", "-") not in list_recipes():
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(list_recipes())}")
    recipe: Recipe = import_module(f"{__name__}.{name.replace('-', '_')}").RECIPE
    return recipe
