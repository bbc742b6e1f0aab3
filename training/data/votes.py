"""What ten people said of each face of FER2013 (FER+, Barsoum et al. 2016), learned beside its one label.

The votes confirm 64 % of the labels: a share of the voters says more of a mixed expression than either label.
"""

from dataclasses import replace

import numpy as np

from cv.engine.labels import CLASSES, Attribute
from training.data.chips import Faces
from training.data.labels import VOTED

_NOT_A_FACE = 9
# Fewer votes for the seven say that it is none of them.
_FEWEST = 3


def blend_votes(faces: Faces, share: float) -> Faces:
    """The faces with ``share`` of each expression's target taken from its votes, where there are some.

    A face that most voters take for none, or for none of the seven expressions, loses its target.
    """
    votes = faces.labels.votes
    seven = np.zeros((len(faces), len(VOTED)), dtype=np.float32)
    seven[:, [CLASSES[Attribute.EXPRESSION].index(label) for label in VOTED]] = votes[:, : len(VOTED)]
    totals = seven.sum(axis=1, keepdims=True)
    own = faces.labels.distributions[Attribute.EXPRESSION]
    blended = (1 - share) * own + share * seven / np.maximum(totals, 1)
    blended[(votes.argmax(axis=1) == _NOT_A_FACE) | (totals[:, 0] < _FEWEST)] = 0
    voted = votes.sum(axis=1, keepdims=True) > 0
    expressions = np.where(voted, blended, own).astype(np.float32)
    distributions = faces.labels.distributions | {Attribute.EXPRESSION: expressions}
    return replace(faces, labels=replace(faces.labels, distributions=distributions))
