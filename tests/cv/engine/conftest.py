"""The engine as it is served, and the pictures of the reference detections."""

import io

import pytest
from PIL import Image

from cv.engine.config import EngineConfig
from cv.engine.detect import Detector
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    return get_engine(EngineConfig(threads=2))


@pytest.fixture(scope="session")
def detector(engine: Engine) -> Detector:
    return engine.detector


@pytest.fixture(scope="session")
def portraits(astronaut: bytes, grace_hopper: bytes) -> dict[str, Image.Image]:
    """The three pictures that the reference cascade was run on."""
    collins = Image.open(io.BytesIO(astronaut)).convert("RGB")
    hopper = Image.open(io.BytesIO(grace_hopper)).convert("RGB")
    pair = Image.new("RGB", (1024, 600), (127, 127, 127))
    pair.paste(collins, (0, 0))
    pair.paste(hopper, (512, 0))
    return {"astronaut": collins, "grace_hopper": hopper, "pair": pair}
