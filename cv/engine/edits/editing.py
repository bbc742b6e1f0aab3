"""Edits a picture in an engine: decode → find faces or people → paint → encode."""

import time

from PIL import Image

from cv.engine.decode import DecodedImage, decode
from cv.engine.edits.background import portray
from cv.engine.edits.covers import cover_face
from cv.engine.edits.encoding import check_format, encode, format_of
from cv.engine.edits.types import Background, Edit, EditedPicture, PictureFormat, Portrait, Redaction
from cv.engine.errors import ModelNotReady, NoPerson
from cv.engine.pipeline import Engine
from cv.engine.types import MAX_FACES_RANGE, MIN_FACE_PX_RANGE, AnalysisOptions, Detection, ImageInfo, Timing

# A mask's value from which a pixel is a person's, and the least share of them in a photo of people.
_PERSON, _LEAST = 0.5, 0.002


def edit_picture(engine: Engine, data: bytes, edit: Edit) -> EditedPicture:
    """The edited picture, upright, at full size and without metadata.

    Raises what ``Engine.analyze`` does, FormatUnavailable, and NoPerson for a portrait without people.
    """
    return _redact(engine, data, edit) if isinstance(edit, Redaction) else _portray(engine, data, edit)


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
        place = Detection(face.box, face.confidence, face.landmarks)
        cover_face(image.pixels, place, redaction.cover, redaction.colour)
    encoded = encode(image.pixels, wanted, image.profile)
    timing = _timing(decode=decoded - found, detect=found - started, paint=time.perf_counter() - decoded)
    return EditedPicture(_info(image), encoded, wanted, len(faces), len(chosen), timing)


def _portray(engine: Engine, data: bytes, portrait: Portrait) -> EditedPicture:
    if engine.portrait is None:
        raise ModelNotReady("no model in service tells people from their background")
    started = time.perf_counter()
    image = decode(data, engine.limits, MIN_FACE_PX_RANGE[0], reduce=False)
    wanted = portrait.format or format_of(image.kind)
    if portrait.background is Background.TRANSPARENT and wanted is PictureFormat.JPEG:
        wanted = PictureFormat.PNG
    check_format(wanted, image.pixels.size)
    decoded = time.perf_counter()
    mask = engine.portrait.load().read(image.pixels)
    if (mask > _PERSON).mean() < _LEAST:
        raise NoPerson("nobody was found in this photo")
    found = time.perf_counter()
    painted: Image.Image = portray(image.pixels, mask, portrait, engine.detector.spread)
    encoded = encode(painted, wanted, image.profile)
    timing = _timing(decode=decoded - started, detect=found - decoded, paint=time.perf_counter() - found)
    return EditedPicture(_info(image), encoded, wanted, 0, 0, timing)


def _info(image: DecodedImage) -> ImageInfo:
    return ImageInfo(image.width, image.height, image.sha256)


def _timing(decode: float, detect: float, paint: float) -> Timing:
    """From seconds; to paint and to encode stand where an analysis has its attributes."""
    return Timing(*(round(1000 * seconds, 2) for seconds in (decode, detect, paint, decode + detect + paint)))
