"""Grouping is SciPy's average linkage, keeps what it is told to, and does not change when faces are added."""

import tracemalloc

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from cv.search.base import Vectors
from cv.search.grouping import THRESHOLD, best_faces, group_faces


def people(count: int, faces: int, seed: int, noise: float = 0.09) -> Vectors:
    """``faces`` vectors of ``count`` people, in random order."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, 128))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rows = centres[random.integers(0, count, faces)] + random.normal(size=(faces, 128)) * noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_the_groups_are_those_of_average_linkage(seed: int) -> None:
    vectors = people(20, 90, seed)
    groups = group_faces(vectors)
    truth = fcluster(linkage(vectors.astype(float), "average", metric="cosine"), 1 - THRESHOLD, "distance")
    assert ((groups[:, None] == groups[None]) == (truth[:, None] == truth[None])).all()
    assert 1 < groups.max() + 1 < 90


def test_equal_faces_are_one_group_and_one_face_is_one() -> None:
    same = np.repeat(people(1, 1, 0), 5, axis=0)
    assert group_faces(same).tolist() == [0, 0, 0, 0, 0]
    assert group_faces(same[:1]).tolist() == [0]


def test_adding_faces_moves_none_out_of_its_group() -> None:
    vectors = people(15, 120, 7)
    before = group_faces(vectors[:80])
    after = group_faces(vectors, labels=[*before, *[-1] * 40])
    assert after[:80].tolist() == before.tolist()


def test_faces_of_different_people_stay_apart_even_through_a_third() -> None:
    same = np.repeat(people(1, 1, 0), 3, axis=0)
    groups = group_faces(same, apart=[(0, 1)])
    assert groups[0] != groups[1]
    assert groups[2] in (groups[0], groups[1])


def test_groups_with_different_names_are_not_merged_and_those_with_one_name_are() -> None:
    same, other = np.repeat(people(1, 1, 0), 2, axis=0), people(1, 1, 1)
    assert group_faces(same, labels=[0, 1]).tolist() == [0, 1]
    assert group_faces(np.concatenate([same[:1], other]), labels=[4, 4]).tolist() == [0, 0]


def test_ten_thousand_names_take_no_memory_for_each_pair() -> None:
    """Pairs of names would take gigabytes."""
    vectors = np.repeat(people(1, 1, 0), 3000, axis=0)
    tracemalloc.start()
    groups = group_faces(vectors, labels=range(3000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert groups.tolist() == list(range(3000))
    assert most < 10 * vectors.nbytes


def test_an_unnamed_face_joins_a_name_and_then_no_other() -> None:
    angles = np.radians([0, 5, 20, 25])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert group_faces(vectors, labels=[0, -1, -1, 1]).tolist() == [0, 0, 1, 1]


def test_the_best_face_has_the_best_quality_and_then_is_nearest_to_the_mean() -> None:
    vectors = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0, -1]], np.float32)
    groups = np.array([0, 0, 0, 1])
    assert best_faces(vectors, [0.2, 0.5, 0.9, 0.1], groups) == [2, 3]
    assert best_faces(vectors, [0.5, 0.5, 0.5, 0.1], groups) == [1, 3]
