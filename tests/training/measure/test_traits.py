"""Scores of flags by hand."""

import numpy as np
import pytest

from training.measure.traits import score_flags


def test_the_scores_are_means_over_the_traits() -> None:
    flags = np.array([[True, True], [False, True], [False, True], [False, True]])
    shares = np.array([[0.4, 0.9], [0.1, 0.9], [0.1, 0.9], [0.4, 0.4]])

    scores = score_flags(shares, flags)

    # The first trait is never seen: 3 of 4 right, recalls 0 and 1; of the second there is one class, 3 of 4.
    assert scores["traits_accuracy"] == pytest.approx(0.75)
    assert scores["traits_balanced_accuracy"] == pytest.approx((0.5 + 0.75) / 2)
    # Bins .1 (2 faces, none has it), .4 (2 faces, one has it); bins .9 (3 of 3), .4 (1 of 1).
    assert scores["traits_ece"] == pytest.approx(((0.2 + 0.2) / 4 + (0.3 + 0.6) / 4) / 2, abs=1e-4)
