"""A plugin is one module: engines in their own processes answer its outputs if a request names them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cv.engine.catalog import load_plugins, read_catalog
from cv.engine.config import EngineConfig
from cv.engine.errors import InvalidOptions, ModelNotReady
from cv.engine.pool import EnginePool
from cv.engine.readers import base
from cv.engine.types import AnalysisOptions, Vector

CONFIG = EngineConfig(threads=1, plugins=("tests.toy_reader",))

pytestmark = pytest.mark.usefixtures("registries")


def test_what_a_plugin_adds_is_answered_in_the_engines_own_process(
    astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = EnginePool(CONFIG, 1)
    # This process knows the reader, but never runs it.
    monkeypatch.setattr(base._READERS["toy"], "read", lambda *asked: pytest.fail("read in the server's process"))
    options = AnalysisOptions(attributes=frozenset({"mean_colour", "gender"}))

    result = pool.analyze(astronaut, options)

    (face,) = result.faces
    assert list(face.attributes) == ["gender", "mean_colour"]
    assert isinstance(face.attributes["mean_colour"], Vector)
    np.testing.assert_allclose(face.attributes["mean_colour"].values, (165.7, 139.7, 116.2), atol=0.5)
    assert [run.name for run in result.models] == ["xcloud-attributes", "toy"]


def test_a_plugins_reader_does_not_run_if_it_is_not_asked_for(astronaut: bytes) -> None:
    result = EnginePool(CONFIG, 1).analyze(astronaut)

    assert [run.name for run in result.models] == ["xcloud-attributes"]
    assert list(result.faces[0].attributes) == ["age", "gender", "race", "expression", "beauty"]


def test_the_catalog_lists_models_and_outputs_of_plugins_behind_the_others() -> None:
    catalog = read_catalog(CONFIG)

    cards = [card.name for card in catalog.cards]
    assert (cards[0], cards.index("toy")) == ("xcloud-attributes", len(catalog.manifest.models))
    assert cards[-3:] == ["xcloud-face-check", "xcloud-quality", "selfie"]
    assert catalog.card.name == "xcloud-attributes"
    names = [output.name for output in catalog.outputs]
    assert names[:5] == ["age", "gender", "race", "expression", "beauty"]
    assert names[-1] == "mean_colour"


def test_without_the_plugin_its_output_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidOptions, match="mean_colour cannot be asked for"):
        AnalysisOptions(attributes=frozenset({"mean_colour"}))
    load_plugins(CONFIG.plugins)
    assert AnalysisOptions(attributes=frozenset({"mean_colour"})).attributes == {"mean_colour"}


def test_a_plugin_that_cannot_be_imported_is_named_before_an_image_is_taken() -> None:
    with pytest.raises(ModelNotReady, match="the plugin no_such_plugin cannot be imported: ModuleNotFoundError"):
        EnginePool(replace(CONFIG, plugins=("no_such_plugin",)), 1)


def test_a_plugin_that_fails_is_named_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clumsy_plugin.py").write_text(
        "from cv.engine.outputs import Output, Shape, register\nregister(Output('age', Shape.FLAGS))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(
        ModelNotReady, match=r"clumsy_plugin cannot be imported: ValueError\('another output is called age"
    ):
        read_catalog(replace(CONFIG, plugins=("clumsy_plugin",)))
