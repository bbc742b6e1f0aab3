"""The open pack of weights answers what it has, and what it lacks is as if it were switched off."""

from dataclasses import replace

import pytest
from pytest_django import Settings

from cv.engine.config import EngineConfig, Pack
from cv.engine.errors import ModelNotReady
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions
from cv.serving.outputs import served_outputs

ITS_OWN = frozenset({"age", "gender", "race"})


def test_eileen_collins_is_described_plausibly_by_the_open_weights(astronaut: bytes) -> None:
    """She was 36 when NASA took the portrait."""
    engine = get_engine(EngineConfig(Pack.OPEN.folder(), threads=1))

    result = engine.analyze(astronaut, AnalysisOptions(ITS_OWN))

    (face,) = result.faces
    assert result.model.name == "xcloud-attributes-open"
    assert (face.attributes["gender"].label, face.attributes["race"].label) == ("female", "white")
    assert 18 <= face.attributes["age"].value <= 46
    assert face.quality.score > 0.5


def test_what_the_open_weights_lack_is_not_served(settings: Settings) -> None:
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, weights_dir=Pack.OPEN.folder())
    settings.XCLOUD_ATTRIBUTES = frozenset({"age", "beauty"})

    assert served_outputs() == {"age"}


def test_an_engine_that_is_asked_for_what_its_weights_lack_says_so(astronaut: bytes) -> None:
    engine = get_engine(EngineConfig(Pack.OPEN.folder(), threads=1))

    with pytest.raises(ModelNotReady, match="no model in service gives beauty"):
        engine.analyze(astronaut, AnalysisOptions(frozenset({"beauty"})))
