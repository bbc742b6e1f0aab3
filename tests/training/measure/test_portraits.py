"""Overlaps of masks."""

import numpy as np

from training.measure.portraits import overlap


def test_the_overlap_is_the_shared_part_of_both() -> None:
    one, other = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    one[:2], other[1:3] = True, True
    assert overlap(one, other) == 4 / 12
    assert overlap(one, one) == 1.0
    assert overlap(one & False, other & False) == 1.0
