"""What is known of each track while a video is read, in memory that does not grow with its length."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import Final

from PIL import Image

from cv.engine.outputs import Shape, get_output
from cv.engine.quality import turn_of
from cv.engine.types import Answer, Box, Category, FaceResult
from cv.engine.video.fusion import Fusion, fusion_of
from cv.engine.video.types import Moment

# Moments kept of a track. When there are more, neighbours are averaged in pairs.
MOST_MOMENTS: Final = 1200
# A still shows this much around the box, as a share of its longer side, and has at most STILL_PX pixels a side.
_MARGIN: Final = 0.45
STILL_PX: Final = 256
_STILL_QUALITY: Final = 85
# A still gives way only to one that is better by this share, so that few are encoded.
_BETTER: Final = 1.03
SHARPEST, FRONTAL = "sharpest", "frontal"
# No weight is 0: a person of whom all frames are bad has an answer, too.
_LEAST_WEIGHT: Final = 0.01


@dataclass(slots=True)
class Shot:
    """The best still of one kind so far."""

    score: float
    at: float
    data: bytes


@dataclass(slots=True)
class Track:
    """One face, followed through a scene."""

    scene: int
    first_at: float
    best: FaceResult
    best_at: float = 0.0
    last_at: float = 0.0
    frames: int = 0
    embedded_at: float | None = None
    moments: list[Moment] = field(default_factory=list)
    # How many frames a moment stands for.
    stride: int = 1
    waiting: list[Moment] = field(default_factory=list)
    shots: dict[str, Shot] = field(default_factory=dict)
    fusions: dict[str, Fusion] = field(default_factory=dict)

    def add(self, at: float, face: FaceResult, image: Image.Image | None, scale: float) -> None:
        """A frame's face; ``image`` is the frame at ``scale``, if stills are wanted."""
        self.last_at, self.frames = at, self.frames + 1
        if self.frames == 1 or _size_and_quality(face) > _size_and_quality(self.best):
            self.best, self.best_at = face, at
        weight = max(_LEAST_WEIGHT, face.quality.score)
        self.fuse(face, weight)
        self._add_moment(Moment(at, face.box, momentary_shares(face)))
        if image is not None:
            self._shoot(at, face, image, scale)

    def fuse(self, face: FaceResult, weight: float) -> None:
        for name, answer in face.attributes.items():
            if name not in self.fusions:
                self.fusions[name] = fusion_of(get_output(name))
            self.fusions[name].add(answer, weight)

    def answers(self) -> dict[str, Answer]:
        return {name: fusion.fused() for name, fusion in self.fusions.items()}

    def all_moments(self) -> tuple[Moment, ...]:
        return (*self.moments, *([mean_moment(self.waiting)] if self.waiting else ()))

    def _add_moment(self, moment: Moment) -> None:
        self.waiting.append(moment)
        if len(self.waiting) < self.stride:
            return
        self.moments.append(mean_moment(self.waiting))
        self.waiting = []
        if len(self.moments) >= MOST_MOMENTS:
            self.halve()

    def halve(self) -> None:
        """Averages neighbouring moments in pairs."""
        self.moments = [mean_moment(self.moments[start : start + 2]) for start in range(0, len(self.moments), 2)]
        self.stride *= 2

    def _shoot(self, at: float, face: FaceResult, image: Image.Image, scale: float) -> None:
        wanted = [
            kind
            for kind, score in still_scores(face).items()
            if kind not in self.shots or score > _BETTER * self.shots[kind].score
        ]
        if wanted:
            data = encode_still(image, face.box, scale)
            for kind in wanted:
                self.shots[kind] = Shot(still_scores(face)[kind], at, data)


def still_scores(face: FaceResult) -> dict[str, float]:
    """How good a still of each kind this face is, 0 to 1."""
    quality = face.quality.score
    size = min(face.box.width, face.box.height)
    frontal = (1 - min(turn_of(face.landmarks), 1.0)) * (1 - min(abs(face.landmarks.roll) / 90, 1.0))
    scores = {SHARPEST: quality * size / (size + STILL_PX), FRONTAL: frontal * min(1.0, 0.25 + quality)}
    for name, answer in face.attributes.items():
        highlight = get_output(name).highlight
        if isinstance(answer, Category) and highlight:
            scores[highlight] = answer.probabilities.get(highlight, 0.0) * min(1.0, 0.25 + quality)
    return scores


def momentary_shares(face: FaceResult) -> dict[str, tuple[float, ...]]:
    """The probabilities of the categories that change from moment to moment, in the order of their labels."""
    return {
        name: tuple(answer.probabilities[label] for label in output.labels)
        for name, answer in face.attributes.items()
        if (output := get_output(name)).momentary and output.shape is Shape.CATEGORY and isinstance(answer, Category)
    }


def mean_moment(moments: list[Moment]) -> Moment:
    """One for several neighbours: the time and box of the first, and the mean of the probabilities."""
    first = moments[0]
    if len(moments) == 1:
        return first
    shares = {
        name: tuple(sum(column) / len(moments) for column in zip(*(m.shares[name] for m in moments), strict=True))
        for name in first.shares
    }
    return replace(first, shares=shares)


def encode_still(image: Image.Image, box: Box, scale: float) -> bytes:
    """A JPEG of the face and what is around it, square; ``image`` is RGB at ``scale``, the box at full size."""
    side = max(box.width, box.height) * scale * (1 + 2 * _MARGIN)
    x, y = (box.x + box.width / 2) * scale - side / 2, (box.y + box.height / 2) * scale - side / 2
    cut = image.crop((round(x), round(y), round(x + side), round(y + side)))
    if cut.width > STILL_PX:
        cut = cut.resize((STILL_PX, STILL_PX), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return encode_jpeg(cut, _STILL_QUALITY)


def encode_jpeg(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _size_and_quality(face: FaceResult) -> float:
    return still_scores(face)[SHARPEST]
