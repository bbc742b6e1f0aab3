"""The training runs, one per file: ``python -m training.train --recipe NAME`` runs the RECIPE of ``NAME.py``.

A new recipe needs only its file. A Recipe, for the nets that are served, names its net (``training.nets``), sets
(tables of the data folder), losses (``training.losses``) and the measures that choose its best epoch. A Study, for a
paper's table, lists its cases and has a function that trains and scores one.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from training.recipes.recipe import Recipe
from training.recipes.study import Study

_BASES: Final = ("recipe", "study")


def list_recipes() -> list[str]:
    """The names of all recipes, one per file of this folder."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__) if module.name not in _BASES)


def find(name: str) -> Recipe | Study:
    """The recipe of this name; ``-`` and ``_`` are the same. Raises ValueError if there is none."""
    if name.replace("_", "-") not in list_recipes():
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(list_recipes())}")
    recipe: Recipe | Study = import_module(f"{__name__}.{name.replace('-', '_')}").RECIPE
    return recipe


def find_recipe(name: str) -> Recipe:
    """The Recipe of this name. Raises ValueError if there is none, or if it is a Study."""
    recipe = find(name)
    if isinstance(recipe, Study):
        raise ValueError(f"the recipe {name!r} is research, which does not train a part of the served net")
    return recipe


def find_study(name: str) -> Study:
    """The Study of this name. Raises ValueError if there is none, or if it trains a part of the served net."""
    recipe = find(name)
    if isinstance(recipe, Recipe):
        raise ValueError(f"the recipe {name!r} is no research recipe")
    return recipe
