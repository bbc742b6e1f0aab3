"""Prints the constants of ``cv.engine.face_shape``: the frontal face, and the lines that say whether something is open.

``python -m training.publish.face_shape --tflite face_landmark.tflite --data landmarks68.parquet``

They come from the same views of Helen's training faces as the head for 68 points (``training.publish.face_mesh``).
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cv.engine.config import EngineConfig
from cv.engine.face_shape import RIGID, eye_ratios, lip_ratio
from cv.engine.runtime import get_engine
from training.data.tables import rows
from training.publish.face_mesh import NAME, VIEWS, collect, fit_head
from training.publish.from_tflite import convert

Array = npt.NDArray[np.float64]

# The outer corners of the eyes in the mesh; their distance is the unit.
CORNERS: Final = (33, 263)
ROUNDS, FOLDS = 8, 5
# From these ratios of the labelled points on an eye or a mouth is open.
OPEN_EYE, OPEN_MOUTH = 0.15, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tflite", type=Path, required=True, help="the published file")
    parser.add_argument("--data", type=Path, required=True, help="table of faces with 68 labelled points")
    arguments = parser.parse_args()
    net = convert(arguments.tflite.read_bytes(), NAME, ["mesh", "face"])
    views = collect(net, get_engine(EngineConfig(threads=1)), rows(arguments.data, "train"))
    for index, point in zip(RIGID, fit_frontal(views.meshes[:, RIGID], list(RIGID)), strict=True):
        print(index, *(round(value, 3) for value in point))
    told = tell_left_out(views.features, views.points)
    eyes, labelled = (np.concatenate([eye_ratios(face) for face in faces]) for faces in (told, views.points))
    print("eye", *(round(value, 2) for value in fit_line(eyes, labelled > OPEN_EYE)))
    lips, labelled = (np.array([lip_ratio(face) for face in faces]) for faces in (told, views.points))
    print("mouth", *(round(value, 2) for value in fit_line(lips, labelled > OPEN_MOUTH)))


def fit_frontal(meshes: Array, indices: list[int]) -> Array:
    """The symmetric mean shape ``(P, 3)`` of points ``(N, P, 3)``, each turned and scaled to the others (generalised
    Procrustes analysis, Gower 1975), in units of the distance between the outer corners of the eyes. Points are
    mirrored to the nearest of the mean's mirror image; ``indices`` are theirs in the mesh."""
    faces = _scaled(meshes - meshes.mean(axis=1, keepdims=True))
    shape = _scaled(np.median(faces, axis=0)[None])[0]
    mirror = np.array([-1, 1, 1])
    twins = np.linalg.norm((shape * mirror)[:, None] - shape[None], axis=2).argmin(axis=1)
    for _ in range(ROUNDS):
        u, _, vh = np.linalg.svd(np.einsum("nij,ik->njk", faces, shape))
        u[:, :, 2] *= np.linalg.det(u @ vh)[:, None]
        shape = np.einsum("nij,njk->nik", faces, u @ vh).mean(axis=0)
        shape = _scaled(((shape + shape[twins] * mirror) / 2)[None])[0]
    left, right = (indices.index(corner) for corner in CORNERS)
    unit: Array = shape / np.linalg.norm(shape[left] - shape[right])
    return unit


def tell_left_out(features: Array, points: Array) -> Array:
    """The 68 points ``(N, 68, 2)`` of each view, by a head that was fitted without its face."""
    fold = np.arange(len(features)) // (2 * VIEWS) % FOLDS
    told = np.empty_like(points)
    for number in range(FOLDS):
        slopes, bias = fit_head(features[fold != number], points[fold != number])
        told[fold == number] = (features[fold == number] @ slopes + bias).reshape(-1, *points.shape[1:])
    return told


def fit_line(ratios: Array, is_open: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Intercept and slope of a logistic regression, by Newton's method."""
    design = np.stack([np.ones_like(ratios), ratios], axis=1)
    line = np.zeros(2)
    for _ in range(60):
        chances = 1 / (1 + np.exp(-design @ line))
        curvature = (design * (chances * (1 - chances))[:, None]).T @ design + 1e-6 * np.eye(2)
        line += np.linalg.solve(curvature, design.T @ (is_open - chances))
    return float(line[0]), float(line[1])


def _scaled(faces: Array) -> Array:
    """Of mean square 1."""
    scaled: Array = faces / np.sqrt(np.square(faces).sum(axis=(1, 2), keepdims=True) / faces.shape[1])
    return scaled


if __name__ == "__main__":
    main()
