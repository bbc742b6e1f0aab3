"""Faces are followed by their boxes, and many frames give one answer that claims no more than they show."""

import pytest

from cv.engine.outputs import get_output
from cv.engine.types import Box, Category, Estimate
from cv.engine.video.decode import Cuts
from cv.engine.video.fusion import NARROWEST, Beliefs, Numbers, Shares, fusion_of
from cv.engine.video.tracks import GAP_S, Tracker

LEFT, RIGHT = Box(100, 100, 80, 100), Box(500, 100, 80, 100)


def moved(box: Box, x: float, y: float = 0, grown: float = 1) -> Box:
    return Box(box.x + x, box.y + y, box.width * grown, box.height * grown)


def test_each_face_keeps_its_number_whatever_the_order() -> None:
    tracker = Tracker()
    assert tracker.assign([LEFT, RIGHT], 0.0, True) == [0, 1]
    assert tracker.assign([moved(RIGHT, 10), moved(LEFT, -5)], 0.2, False) == [1, 0]


def test_a_face_that_moves_steadily_is_expected_further_on() -> None:
    tracker = Tracker()
    # 75 px a step: its boxes hardly overlap, but from the second step on it is expected there.
    numbers = [tracker.assign([moved(LEFT, 45 * step)], step / 5, step == 0) for step in range(6)]
    assert numbers == [[0]] * 6
    (expected,) = tracker.expected(1.2)
    assert expected.x == pytest.approx(LEFT.x + 45 * 6)


def test_two_faces_that_cross_are_not_mixed_up() -> None:
    tracker = Tracker()
    for step in range(9):
        left, right = moved(LEFT, 50 * step), moved(RIGHT, -50 * step, 30)
        assert tracker.assign([left, right], step / 5, step == 0) == [0, 1]


def test_a_face_elsewhere_or_of_another_size_is_another() -> None:
    tracker = Tracker()
    tracker.assign([LEFT], 0.0, True)
    assert tracker.assign([moved(LEFT, 90)], 0.2, False) == [1]
    assert tracker.assign([moved(LEFT, 90, 0, 3)], 0.4, False) == [2]


def test_a_face_is_waited_for_and_then_given_up() -> None:
    tracker = Tracker()
    tracker.assign([LEFT], 0.0, True)
    assert tracker.assign([LEFT], GAP_S, False) == [0]
    assert tracker.assign([LEFT], 2.1 * GAP_S, False) == [1]


def test_a_scene_ends_all_tracks() -> None:
    tracker = Tracker()
    tracker.assign([LEFT], 0.0, True)
    assert tracker.expected(0.2) == [LEFT]
    assert tracker.assign([LEFT], 0.2, True) == [1]


def test_a_scene_starts_where_the_picture_jumps_and_not_where_the_camera_moves() -> None:
    import numpy as np

    cuts = Cuts()
    row = np.arange(32, dtype=np.uint8) * 4
    pan = [np.tile(np.roll(row, step), (18, 1)) for step in range(8)]
    assert [cuts.note(frame) for frame in pan] == [True] + [False] * 7
    assert cuts.note(255 - pan[-1]) is True
    assert cuts.note(255 - pan[-1]) is False


def ages(*values: float) -> Estimate:
    numbers = Numbers()
    for value in values:
        numbers.add(Estimate(value, (value - 10, value + 14), None, 0.85), 1.0)
    fused = numbers.fused()
    assert isinstance(fused, Estimate)
    return fused


def test_equal_frames_say_as_much_as_one() -> None:
    assert ages(*[30.0] * 50) == Estimate(30.0, (20.0, 44.0), None, 0.85)
    assert ages(30.0) == Estimate(30.0, (20.0, 44.0), None, 0.85)


def test_frames_that_differ_narrow_the_interval_by_what_averages_out() -> None:
    fused = ages(*[27, 33] * 25)
    assert fused.value == 30
    assert fused.interval
    low, high = fused.interval
    # 85 % of a normal error with a half width of 12 has a variance of 69.5; 9 of it averages out.
    assert high - low == pytest.approx(24 * (1 - 9 / 69.49) ** 0.5, abs=0.01)
    # It keeps its sides: more room above than below.
    assert (high - 30) / (30 - low) == pytest.approx(1.4)


def test_it_does_not_matter_how_many_frames_say_the_same() -> None:
    assert ages(27, 33) == ages(*[27, 33] * 50)


def test_no_interval_is_narrower_than_a_share_of_one_frames() -> None:
    wild = ages(*[0, 60] * 50)
    assert wild.interval
    assert wild.interval[1] - wild.interval[0] == pytest.approx(24 * NARROWEST)


def test_what_stays_is_believed_together_and_what_changes_has_its_share_of_time() -> None:
    assert isinstance(fusion_of(get_output("gender")), Beliefs)
    assert isinstance(fusion_of(get_output("expression")), Shares)
    sure, unsure = Category("male", {"female": 0.02, "male": 0.98}), Category("female", {"female": 0.5, "male": 0.5})
    beliefs, shares = Beliefs(), Shares()
    for fusion in (beliefs, shares):
        fusion.add(sure, 1.0)
        fusion.add(unsure, 1.0)
    believed, shared = beliefs.fused(), shares.fused()
    assert isinstance(believed, Category)
    assert isinstance(shared, Category)
    assert believed.probabilities["male"] == pytest.approx(0.875)
    assert shared.probabilities["male"] == pytest.approx(0.74)


def test_a_frame_of_little_weight_says_little() -> None:
    numbers = Numbers()
    numbers.add(Estimate(20, (10, 30), None, 0.85), 0.99)
    numbers.add(Estimate(80, (70, 90), None, 0.85), 0.01)
    fused = numbers.fused()
    assert isinstance(fused, Estimate)
    assert fused.value == pytest.approx(20.6)
