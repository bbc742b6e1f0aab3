"""Scores of vectors against identities, by cases whose scores can be counted."""

import numpy as np
import pytest

from training.measure.verification import verify_all


def at(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_people_far_apart_are_never_confused() -> None:
    scores = verify_all(at(0, 1, 90, 91, 180, 181), np.array(["a", "a", "b", "b", "c", "c"]))
    assert scores == {
        "faces": 6, "people": 3, "genuine": 3, "impostor": 12,
        "eer": 0.0, "tar_at_fmr": {"1e-2": 1.0, "1e-3": 1.0, "1e-4": 1.0}, "rank1": 1.0,
    }  # fmt: skip


def test_a_picture_beside_another_person_costs_what_it_must() -> None:
    """b's second picture lies beside a's; all other pairs of one person are close."""
    scores = verify_all(at(0, 1, 90, 2, 180, 181), np.array(["a", "a", "b", "b", "c", "c"]))
    assert scores["rank1"] == round(2 / 3, 4)
    # a's two and c's two are 1 degree apart, as b's second is from a's second.
    assert scores["tar_at_fmr"]["1e-3"] == 0.0


def test_the_equal_error_rate_of_two_overlapping_kinds_of_pairs() -> None:
    """Pictures of one person lie within 40 degrees, people 30 degrees apart."""
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(12), 40)
    scores = verify_all(at(*(people * 30 + random.uniform(-20, 20, len(people)))), people.astype(str))
    # Only the pictures of neighbours overlap.
    assert scores["eer"] == pytest.approx(0.075, abs=0.03)


def test_labels_without_a_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="no pair of one person, or none of two"):
        verify_all(at(0, 90), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="no pair of one person, or none of two"):
        verify_all(at(0, 90), np.array(["a", "a"]))
