"""A net that tells where 468 points of a face are, and with them 68 others, the head's pose, and what is open."""

from __future__ import annotations

import cmath
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from cv.engine.align import Crop, Similarity, warp
from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.face_shape import head_pose, openness, wrap_degrees
from cv.engine.fields import MANIFEST
from cv.engine.manifest import Model
from cv.engine.outputs import MESH, OPENNESS, POINTS, POSE
from cv.engine.readers.base import FaceReader
from cv.engine.sessions import Net, load_onnx_net, run_on_chips
from cv.engine.types import Answer, Answers, Flags, Points, Vector

Array = npt.NDArray[np.float64]
Chips = npt.NDArray[np.uint8]

IBUG68, MESH468 = "ibug68", "mesh468"
# The net's picture of a face. MediaPipe cuts it from the detector's box first, and then from the points found.
VIEW_PX: Final = 192
# The first view: the template's square with this margin. The second: the square around the points, so much larger.
_FIRST_MARGIN: Final = 0.12
_AROUND: Final = 1.45
# The outer corners of the eyes, left and right in the picture.
_LEFT_CORNER, _RIGHT_CORNER = 33, 263
_GIVES: Final = frozenset({POINTS.name, MESH.name, POSE.name, OPENNESS.name})


class MeshReader(FaceReader):
    """Looks at each face twice, the second time where the first found it. Thread-safe. ONNX Runtime serves it with
    every backend."""

    def __init__(self, model: Model, net: Net) -> None:
        """Raises ModelNotReady if the model has other outputs."""
        if frozenset(model.outputs) != _GIVES:
            raise ModelNotReady(f"{MANIFEST}: {model.field}.outputs must be {', '.join(sorted(_GIVES))}")
        self.card, self.crop, self.gives = model.card, model.crop, _GIVES
        self.net = net

    @classmethod
    def load(cls, model: Model, config: EngineConfig) -> MeshReader:
        """Raises ModelNotReady if the weights are missing or changed."""
        return cls(model, load_onnx_net(model.files.onnx, config.threads, None))

    def read(self, chips: Chips, to_photo: Sequence[Similarity], wanted: frozenset[str]) -> list[Answers]:
        views = self.second_views(chips)
        meshes, points = self.run(cut_views(chips, views))
        return [
            _answers(mesh, shown, view.inverse().then(to), wanted)
            for mesh, shown, view, to in zip(meshes, points, views, to_photo, strict=True)
        ]

    def second_views(self, chips: Chips) -> list[Similarity]:
        """From each chip's pixels to those of the view in which its points are told."""
        first = first_view(self.crop)
        meshes, _ = self.run(cut_views(chips, [first] * len(chips)))
        return [view_around(to_plane(mesh, first.inverse())) for mesh in meshes]

    def run(self, views: Chips) -> tuple[Array, Array]:
        """uint8 RGB ``(N, 192, 192, 3)``, N ≥ 1 → ``(N, 468, 3)`` and ``(N, 68, 2)``, in pixels of the views."""
        meshes, points = (output.astype(np.float64) for output in run_on_chips(self.net, views))
        return meshes.reshape(len(views), -1, 3), points.reshape(len(views), -1, 2)


def first_view(crop: Crop) -> Similarity:
    """From a chip's pixels to those of the first view, which has the same middle."""
    scale = VIEW_PX / (1 + 2 * _FIRST_MARGIN) / (crop.size / (1 + 2 * crop.margin))
    return Similarity(complex(scale), complex(1, 1) * (VIEW_PX - scale * crop.size) / 2)


def view_around(points: npt.NDArray[np.complex128]) -> Similarity:
    """To the view in which the mesh's ``points`` ``(468,)`` are in the middle and the eyes level."""
    across = complex(points[_RIGHT_CORNER] - points[_LEFT_CORNER])
    level = cmath.exp(-1j * cmath.phase(across))
    turned = points * level
    low, high = complex(turned.real.min(), turned.imag.min()), complex(turned.real.max(), turned.imag.max())
    side = max((high - low).real, (high - low).imag, 1.0) * _AROUND
    scale = VIEW_PX / side
    return Similarity(level * scale, complex(1, 1) * VIEW_PX / 2 - scale * (low + high) / 2)


def cut_views(chips: Chips, views: Sequence[Similarity]) -> Chips:
    """uint8 RGB ``(N, 192, 192, 3)``; black where a view reaches past its chip."""
    return np.stack([warp(Image.fromarray(chip), view, VIEW_PX) for chip, view in zip(chips, views, strict=True)])


def to_plane(points: Array, similarity: Similarity) -> npt.NDArray[np.complex128]:
    """The first two columns of ``(N, 2 or 3)``, mapped: x is the real, y the imaginary part."""
    return similarity.a * (points[:, 0] + 1j * points[:, 1]) + similarity.b


def _answers(mesh: Array, points: Array, to_photo: Similarity, wanted: frozenset[str]) -> Answers:
    answers: dict[str, Answer] = {}
    if POINTS.name in wanted:
        answers[POINTS.name] = _in_photo(points, to_photo, IBUG68)
    if MESH.name in wanted:
        answers[MESH.name] = _in_photo(mesh, to_photo, MESH468)
    if POSE.name in wanted:
        yaw, pitch, roll = head_pose(mesh)
        upright = wrap_degrees(roll + np.degrees(cmath.phase(to_photo.a)))
        answers[POSE.name] = Vector((round(yaw, 2), round(pitch, 2), round(upright, 2)))
    if OPENNESS.name in wanted:
        answers[OPENNESS.name] = Flags(dict(zip(OPENNESS.labels, openness(points), strict=True)))
    return answers


def _in_photo(points: Array, to_photo: Similarity, scheme: str) -> Points:
    """In hundredths of a pixel, so that a stored answer is not longer than it is exact."""
    placed = to_plane(points, to_photo)
    return Points(tuple((round(z.real, 2), round(z.imag, 2)) for z in placed.tolist()), scheme)
