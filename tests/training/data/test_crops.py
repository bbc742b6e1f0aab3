"""In training a net sees a window of each crop, moved by a few pixels."""

import torch

from training.data.crops import ROOM, centre_crops, change


def test_what_a_net_sees_in_training_is_a_window_of_the_crop() -> None:
    crops = torch.arange(64 * 100, dtype=torch.float32).reshape(64, 1, 10, 10).remainder(251).byte().repeat(1, 3, 1, 1)

    moved = change(crops)

    assert moved.shape == (64, 3, 10 - ROOM, 10 - ROOM)
    assert centre_crops(crops).shape == moved.shape
    # Neighbours differ by 1, times a brightness of .8 to 1.2; every second crop is mirrored.
    step = (moved[1::2, 0, 0, 1] - moved[1::2, 0, 0, 0]) * 255
    assert ((step.abs() > 0.79) & (step.abs() < 1.21)).float().mean() > 0.9
