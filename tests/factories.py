"""Engine results and stored analyses with values that tests can name."""

from dataclasses import replace
from typing import Any

from cv.choices import Source
from cv.engine.config import DecodeLimits
from cv.engine.labels import BEAUTY_SCALE
from cv.engine.stripping import without_metadata
from cv.engine.types import (
    AnalysisResult,
    Answers,
    Box,
    Category,
    Estimate,
    FaceResult,
    ImageInfo,
    Landmarks,
    ModelInfo,
    ModelRun,
    Quality,
    QualityWarning,
    Timing,
)
from cv.models import Analysis
from cv.services import AnalysisRequest, StoreOptions, analysis_save
from cv.trust.caller import Caller

RACE = {"white": 0.05, "black": 0.7, "asian": 0.1, "indian": 0.1, "others": 0.05}
EXPRESSION = {
    "anger": 0.01,
    "disgust": 0.02,
    "fear": 0.03,
    "happiness": 0.8,
    "sadness": 0.04,
    "surprise": 0.05,
    "neutral": 0.05,
}
ALL_ATTRIBUTES: Answers = {
    "age": Estimate(31.25, (25.5, 38.0), coverage=0.85),
    "gender": Category("female", {"female": 0.98, "male": 0.02}),
    "race": Category("black", RACE),
    "expression": Category("happiness", EXPRESSION),
    "beauty": Estimate(6.125, (4.5, 7.25), BEAUTY_SCALE, coverage=0.85),
}
RUN = ModelRun("faces", "2026.11", "cd" * 32, 9.5, frozenset(ALL_ATTRIBUTES))


def face_result(index: int = 0, **changes: Any) -> FaceResult:
    face = FaceResult(
        index=index,
        box=Box(10.5, 20.25, 100.0, 120.0),
        confidence=0.9975,
        landmarks=Landmarks((40.0, 60.0), (80.0, 60.5), (60.0, 85.0), (45.0, 110.0), (75.0, 110.5)),
        quality=Quality(0.75, (QualityWarning.SMALL_FACE, QualityWarning.DARK)),
        attributes=ALL_ATTRIBUTES,
    )
    return replace(face, **changes)


def described(**attributes: Any) -> FaceResult:
    """A face with the given attributes instead of the usual ones; None removes an attribute."""
    return face_result(attributes={k: v for k, v in {**ALL_ATTRIBUTES, **attributes}.items() if v is not None})


def analysis_result(*faces: FaceResult, models: tuple[ModelRun, ...] = (RUN,)) -> AnalysisResult:
    return AnalysisResult(
        image=ImageInfo(640, 480, "ab" * 32),
        faces=faces,
        model=ModelInfo("faces", "2026.11", "cd" * 32),
        timing_ms=Timing(decode=1.5, detect=20.25, attributes=10.0, total=31.75),
        models=models,
    )


def stored_analysis(caller: Caller, *faces: FaceResult, data: bytes = b"", **store: Any) -> Analysis:
    """Stores a result through the service, without faces or with those given."""
    request = AnalysisRequest(data, Source.UPLOAD, store=StoreOptions(**store))
    picture = without_metadata(data, DecodeLimits()) if request.store.image else None
    return analysis_save(replace(analysis_result(*faces), picture=picture), request, caller)


def close(answer: Any) -> None:
    """Closes the file of a streamed answer; ``answer.close()`` would close the test's database connection with it."""
    for close_file in answer._resource_closers:
        close_file()


def streamed(answer: Any) -> bytes:
    """Reads the whole of a streamed response."""
    data = b"".join(answer.streaming_content)
    close(answer)
    return data
