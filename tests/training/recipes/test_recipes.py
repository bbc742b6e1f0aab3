"""Every recipe names existing nets, losses and measures, and is short."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import training.recipes
from training.losses import LOSSES
from training.nets import NETS
from training.recipes import find, find_recipe, list_recipes
from training.recipes.recipe import PUBLISHED, Recipe

FOLDER = Path(training.recipes.__file__).parent
SERVED = [name for name in list_recipes() if isinstance(find(name), Recipe)]


def test_the_recipes_are_the_files_of_their_folder() -> None:
    assert {"identity", "expression", "smoke"} <= set(list_recipes())
    assert "recipe" not in list_recipes()


@pytest.mark.parametrize("name", SERVED)
def test_a_recipe_names_a_net_losses_and_measures_that_exist(name: str) -> None:
    recipe = find_recipe(name)

    assert recipe.name == name
    assert recipe.start in (None, PUBLISHED, *list_recipes())
    net = NETS[recipe.net].build(recipe.outputs, recipe.dropout)
    assert {key for key, _ in net.named_children()} >= {"trunk", "heads"}
    assert {loss.name for loss in recipe.losses.values()} <= LOSSES.keys()
    assert recipe.score
    assert set(recipe.score) <= {f"{table}_{output}" for table in recipe.sets for output in recipe.outputs}
    assert json.loads(json.dumps(recipe.as_json())) == recipe.as_json()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_a_recipe_is_a_file_of_less_than_150_lines(file: Path) -> None:
    assert len(file.read_text().splitlines()) < 150


def test_an_unknown_recipe_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"no recipe 'os'; there are .*expression, .*identity, .*smoke"):
        find_recipe("os")


def test_a_recipe_is_found_under_the_name_of_its_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = find_recipe("smoke")
    monkeypatch.setitem(sys.modules, "training.recipes.two_words", SimpleNamespace(RECIPE=recipe))
    monkeypatch.setattr("training.recipes.list_recipes", lambda: ["two-words"])

    assert find_recipe("two_words") is find_recipe("two-words") is recipe
