"""Mixes the votes of ten people on each face of FER2013 (FER+, Barsoum et al. 2016) into its target.

The votes confirm 64 % of the labels, and shares of votes describe a mixed expression better than one label.
"""

from dataclasses import replace

import numpy as np

from cv.engine.labels import CLASSES, Attribute
from training.data.chips import Faces
from training.data.labels import VOTED

_NOT_A_FACE = 9
# With fewer votes for the seven expressions, the face shows none of the seven.
_FEWEST = 3


def blend_votes(faces: Faces, share: float) -> Faces:
    """Takes ``share`` of each expression's target from the face's votes, if it has any.

    A face loses its target if most voters say that it is not a face, or that it shows none of the seven expressions.
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
