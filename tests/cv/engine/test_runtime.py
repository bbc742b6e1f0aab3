"""What building an engine does to its process."""

import ctypes
import io
import resource

import pytest
from PIL import Image

from cv.engine.config import DecodeLimits, EngineConfig
from cv.engine.decode import decode
from cv.engine.runtime import get_engine

SIDE_PX = 1500
PAGES = SIDE_PX**2 * 4 // resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="the C library has no mallopt")
def test_a_photo_is_decoded_into_the_memory_of_the_one_before() -> None:
    get_engine(EngineConfig())
    file = io.BytesIO()
    Image.effect_noise((SIDE_PX, SIDE_PX), 50).convert("RGB").save(file, "JPEG")

    faults = [page_faults_of_decoding(file.getvalue()) for _ in range(5)]

    assert min(faults) < PAGES / 10


def page_faults_of_decoding(data: bytes) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    decode(data, DecodeLimits(), 40)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
