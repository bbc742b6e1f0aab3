"""Edits a picture in an engine: decode → detect → paint → encode."""

import time

from cv.engine.decode import decode
from cv.engine.edits.covers import cover_face
from cv.engine.edits.encoding import check_format, encode, format_of
from cv.engine.edits.types import EditedPicture, Redaction
from cv.engine.pipeline import Engine
from cv.engine.types import MAX_FACES_RANGE, AnalysisOptions, Detection, ImageInfo, Timing


def edit_picture(engine: Engine, data: bytes, edit: Redaction) -> EditedPicture:
    """The edited picture, upright, at full size and without metadata.

    Raises what ``Engine.analyze`` does, and FormatUnavailable.
    """
    return _redact(engine, data, edit)


def _redact(engine: Engine, data: bytes, redaction: Redaction) -> EditedPicture:
    started = time.perf_counter()
    options = AnalysisOptions(frozenset(), redaction.min_face_px, MAX_FACES_RANGE[1])
    faces = engine.analyze(data, options).faces
    found = time.perf_counter()
    image = decode(data, engine.limits, redaction.min_face_px, reduce=False)
    wanted = redaction.format or format_of(image.kind)
    check_format(wanted, image.pixels.size)
    decoded = time.perf_counter()
    chosen = [face for face in faces if redaction.faces is None or face.index in redaction.faces]
    # The largest last: it is in front.
    for face in reversed(chosen):
        cover_face(
            image.pixels, Detection(face.box, face.confidence, face.landmarks), redaction.cover, redaction.colour
        )
    encoded = encode(image.pixels, wanted, image.profile)
    ended = time.perf_counter()
    return EditedPicture(
        image=ImageInfo(image.width, image.height, image.sha256),
        data=encoded,
        format=wanted,
        found=len(faces),
        edited=len(chosen),
        timing_ms=Timing(
            decode=_milliseconds(found, decoded),
            detect=_milliseconds(started, found),
            attributes=_milliseconds(decoded, ended),
            total=_milliseconds(started, ended),
        ),
    )


def _milliseconds(start: float, end: float) -> float:
    return round((end - start) * 1000, 2)
