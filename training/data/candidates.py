"""Mines the cascade's candidates at low thresholds from pictures whose faces are known: faces, and its mistakes.

Most sets show one face a picture and do not label its box. Its place is where the cascade is sure in the picture as it
is. Then the face is turned, shrunk, blurred or stored badly, and searched again: a candidate that lies on the known
face, the same way up, is a face; one that covers only a part of it, reads it the wrong way up, or lies elsewhere is a
mistake. What is between is left out.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from cv.engine.align import Crop, Similarity, chip_similarity, crop_similarity, warp
from cv.engine.detect import Detector
from cv.engine.types import Detection, Landmarks
from training.measure.detection import intersect_over_union

Dice = np.random.Generator

# A candidate is a face if it overlaps with one this much, and a mistake below the second value.
_SAME, _OTHER = 0.5, 0.2
# Landmarks that are turned by more than this against the true ones read a face the wrong way up.
_WRONG_WAY: Final = math.radians(50)
# The picture's face is the largest candidate that the cascade is this sure of; another one may be a second person.
_SURE = 0.97
# Most mistakes that are taken from one picture: the cascade's surest, and some others.
_SUREST, _OTHERS = 6, 4
_MIN_PX, _CHANGED_MIN_PX = 20, 16
# The part of a picture that is changed: the face with this much around it, in face sides.
_AROUND = 1.0


class Kind(IntEnum):
    """What a candidate is. ``UNSURE`` may be the face of a second person."""

    MISTAKE = 0
    FACE = 1
    UNSURE = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate's chip, uint8 RGB ``(S, S, 3)``, what it is, and the cascade's score of it."""

    chip: npt.NDArray[np.uint8]
    kind: Kind
    score: float


@dataclass(frozen=True, slots=True)
class Changed:
    """A picture and the map from the pixels of the original to its own."""

    image: Image.Image
    to_changed: Similarity


def mine_portrait(low: Detector, image: Image.Image, crop: Crop, dice: Dice) -> Iterator[Candidate]:
    """The candidates of a picture of one person, as it is and changed; none if the cascade is sure of no face."""
    found = low.detect(image, _MIN_PX, 1000)
    main = next((detection for detection in found if detection.confidence >= _SURE), None)
    if main is None:
        return
    yield from _judged(found, image, [main.landmarks], crop, dice)
    head, corner = _cut_head(image, main)
    changed = change(head, _side(main), dice)
    true = _moved(main.landmarks, changed.to_changed, corner)
    yield from _judged(low.detect(changed.image, _CHANGED_MIN_PX, 1000), changed.image, [true], crop, dice)


def mine_background(low: Detector, image: Image.Image, crop: Crop, dice: Dice) -> Iterator[Candidate]:
    """The candidates of a picture without people: all are mistakes."""
    yield from _judged(low.detect(image, _MIN_PX, 1000), image, [], crop, dice)


def _judged(
    found: list[Detection], image: Image.Image, true: list[Landmarks], crop: Crop, dice: Dice
) -> Iterator[Candidate]:
    """``true`` are the landmarks of the only face, or nothing in a picture without people."""
    kinds = [judge(detection, true) for detection in found]
    faces = [i for i, kind in enumerate(kinds) if kind is Kind.FACE]
    others = sorted(
        (i for i, kind in enumerate(kinds) if kind in (Kind.MISTAKE, Kind.UNSURE)), key=lambda i: -found[i].confidence
    )
    rest = others[_SUREST:]
    chosen = others[:_SUREST] + dice.permutation(rest)[:_OTHERS].astype(int).tolist()
    for i in faces + chosen:
        kind = kinds[i]
        assert kind is not None
        chip = warp(image, crop_similarity(found[i].landmarks, crop), crop.size)
        yield Candidate(chip, kind, found[i].confidence)


def judge(detection: Detection, true: list[Landmarks]) -> Kind | None:
    """None if the candidate is neither clearly a face nor clearly a mistake."""
    for landmarks in true:
        seen = chip_similarity(detection.landmarks, 1).a / chip_similarity(landmarks, 1).a
        overlap = float(intersect_over_union(_square(detection.landmarks), _square(landmarks))[0, 0])
        if overlap >= _SAME:
            turn = abs(math.atan2(seen.imag, seen.real))
            return Kind.MISTAKE if turn > _WRONG_WAY else Kind.FACE if turn < _WRONG_WAY / 2 else None
        if overlap >= _OTHER:
            return None
        if _touches(_square(detection.landmarks), _square(landmarks)):
            return Kind.MISTAKE
    return Kind.UNSURE if true and detection.confidence >= _SURE else Kind.MISTAKE


def change(image: Image.Image, face_px: float, dice: Dice) -> Changed:
    """Turns, resizes, blurs and badly stores a picture at random; its face becomes 16 to 90 pixels large."""
    a: complex = 1
    draw = dice.random()
    if draw < 0.3:
        a = complex(np.exp(1j * math.radians(dice.normal(0, 20))))
    elif draw < 0.5:
        a = 1j ** int(dice.integers(1, 4))
    size = math.exp(dice.uniform(math.log(16), math.log(90)))
    a *= min(size / face_px, 1)
    corners = np.array([0, image.width, image.height * 1j, complex(*image.size)]) * a
    low = complex(corners.real.min(), corners.imag.min())
    width, height = (max(round(np.ptp(part)), 12) for part in (corners.real, corners.imag))
    to_changed = Similarity(a, -low)
    back = to_changed.inverse()
    factor = max(1, int(1 / abs(a)))
    changed = image.reduce(factor).transform(
        (width, height),
        Image.Transform.AFFINE,
        tuple(v / factor for v in (back.a.real, -back.a.imag, back.b.real, back.a.imag, back.a.real, back.b.imag)),
        resample=Image.Resampling.BILINEAR,
    )
    if dice.random() < 0.25:
        changed = changed.filter(ImageFilter.GaussianBlur(dice.uniform(0.02, 0.1) * min(size, face_px * abs(a))))
    if dice.random() < 0.25:
        file = io.BytesIO()
        changed.save(file, "JPEG", quality=int(dice.integers(15, 80)))
        changed = Image.open(file).convert("RGB")
    if dice.random() < 0.2:
        changed = changed.convert("L").convert("RGB")
    return Changed(changed, to_changed)


def _cut_head(image: Image.Image, face: Detection) -> tuple[Image.Image, complex]:
    """The face with its surroundings, and the corner of that part in the picture."""
    box, around = face.box, _AROUND * _side(face)
    left, top = max(round(box.x - around), 0), max(round(box.y - around), 0)
    right, bottom = (round(end + around) for end in (box.x + box.width, box.y + box.height))
    return image.crop((left, top, min(right, image.width), min(bottom, image.height))), complex(left, top)


def _moved(landmarks: Landmarks, to_changed: Similarity, corner: complex) -> Landmarks:
    points = [to_changed.a * (complex(*point) - corner) + to_changed.b for point in landmarks]
    return Landmarks(*((z.real, z.imag) for z in points))


def _square(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """The template's unit square around a face, without its turn: float64 ``(1, 4)`` xyxy."""
    to_image = chip_similarity(landmarks, 1).inverse()
    centre, half = to_image.a * complex(0.5, 0.5) + to_image.b, to_image.scale / 2
    return np.array([[centre.real - half, centre.imag - half, centre.real + half, centre.imag + half]])


def _touches(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> bool:
    low, high = np.maximum(one[0, :2], other[0, :2]), np.minimum(one[0, 2:], other[0, 2:])
    return bool((high > low).all())


def _side(detection: Detection) -> float:
    return math.sqrt(max(detection.box.area, 1.0))
