"""Groups faces by person: exact average linkage by the cosine.

Two groups are as similar as the mean of all cosines between their faces, which for unit vectors is the inner product of
the groups' mean vectors. So no matrix of all pairs is needed: N faces take O(N) memory. Nearest-neighbour chains find
the merges in O(N²) (Murtagh, "A Survey of Recent Advances in Hierarchical Clustering Algorithms", The Computer Journal
26 (1983)), because the linkage is reducible: merging two groups brings neither closer to a third one. A forbidden pair
keeps that so.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cv.search.base import Vectors

# The mean cosine that two groups need to be one person. On `val` of CelebA (1,997 faces of 401 people) pairwise F1 is
# 0.881 with precision 0.998; 0.36 to 0.40 give 0.944 to 0.947. But among 1,994 faces of 1,797 people the precision is
# 0.33 at 0.40, 0.66 at 0.45 and 0.87 here, and a wrong pair costs a person more than a missed one. Threshold and
# connected components give 0.888 at best (at 0.50), and fall to 0.417 at 0.45: one chain joins many people.
THRESHOLD: Final = 0.48
# One cosine computed in two ways differs by less; without it, a chain of equals would have no end.
ROUNDING: Final = 1e-5


def group_faces(
    vectors: Vectors,
    labels: Sequence[int] = (),
    apart: Iterable[tuple[int, int]] = (),
    threshold: float = THRESHOLD,
) -> npt.NDArray[np.int64]:
    """The group of each face, int64 (N,); groups are numbered by their first face.

    ``vectors`` are unit vectors, float32 (N, D). Faces with the same label ≥ 0 are in one group from the start, and
    groups with different labels are never merged, so that adding faces changes no group. Pairs ``apart`` are of
    different people.
    """
    groups = _Groups(vectors, labels, apart)
    chain: list[int] = []
    while groups.alive.any():
        if not chain:
            chain.append(int(np.argmax(groups.alive)))
        last = chain[-1]
        nearest, similarity = groups.nearest(last)
        if nearest is None or similarity < threshold:
            # Reducible: what is far from all others now stays so, whatever else is merged.
            groups.alive[last] = False
            chain.pop()
        elif len(chain) > 1 and groups.similarity(last, chain[-2]) >= similarity - ROUNDING:
            groups.merge(chain.pop(), chain.pop())
        else:
            chain.append(nearest)
    return groups.numbered()


def best_faces(vectors: Vectors, qualities: Sequence[float], groups: npt.NDArray[np.int64]) -> list[int]:
    """The face of each group with the best quality; among equals the one nearest to the group's mean."""
    means = np.zeros((int(groups.max()) + 1, vectors.shape[1]), np.float32)
    np.add.at(means, groups, vectors)
    nearness = (vectors * means[groups]).sum(axis=1)
    order = np.lexsort((-nearness, -np.asarray(qualities)))
    best: dict[int, int] = {}
    for row in order:
        best.setdefault(int(groups[row]), int(row))
    return [best[group] for group in range(len(means))]


class _Groups:
    """The groups so far, each by the row of one of its faces."""

    def __init__(self, vectors: Vectors, labels: Sequence[int], apart: Iterable[tuple[int, int]]) -> None:
        self._sums = vectors.astype(np.float32).copy()
        self._sizes = np.ones(len(vectors), np.float32)
        self._means = self._sums.copy()
        self._of = np.arange(len(vectors))
        self.alive = np.ones(len(vectors), bool)
        # Of each group; -1 has none. Different labels are apart without being listed: there may be 10,000.
        self._labels = np.full(len(vectors), -1)
        self._apart: dict[int, set[int]] = {}
        self._join_labelled(labels)
        for one, other in apart:
            self._keep_apart(int(self._of[one]), int(self._of[other]))

    def _join_labelled(self, labels: Sequence[int]) -> None:
        first: dict[int, int] = {}
        for row, label in enumerate(labels):
            if label >= 0 and first.setdefault(label, row) != row:
                self._join(first[label], row)
        for label, row in first.items():
            self._labels[row] = label

    def nearest(self, group: int) -> tuple[int | None, float]:
        """The most similar other group, and how similar it is; the one with the lowest row among equals."""
        similarities = self._means @ self._means[group]
        similarities[~self.alive] = -np.inf
        similarities[[group, *self._apart.get(group, ())]] = -np.inf
        if self._labels[group] >= 0:
            similarities[self._labels >= 0] = -np.inf
        best = int(np.argmax(similarities))
        return (best, float(similarities[best])) if similarities[best] > -np.inf else (None, -np.inf)

    def similarity(self, one: int, other: int) -> float:
        if other in self._apart.get(one, ()) or min(self._labels[one], self._labels[other]) >= 0:
            return -np.inf
        return float(self._means[other] @ self._means[one])

    def merge(self, one: int, other: int) -> None:
        self._join(min(one, other), max(one, other))

    def _join(self, kept: int, gone: int) -> None:
        self._sums[kept] += self._sums[gone]
        self._sizes[kept] += self._sizes[gone]
        self._means[kept] = self._sums[kept] / self._sizes[kept]
        self._of[self._of == gone] = kept
        self._labels[kept] = max(self._labels[kept], self._labels[gone])
        self.alive[gone] = False
        for other in self._apart.pop(gone, set()):
            self._apart[other].discard(gone)
            self._keep_apart(kept, other)

    def _keep_apart(self, one: int, other: int) -> None:
        if one != other:
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def numbered(self) -> npt.NDArray[np.int64]:
        _, first, inverse = np.unique(self._of, return_index=True, return_inverse=True)
        order = np.argsort(np.argsort(first))
        return np.asarray(order[inverse], np.int64)
