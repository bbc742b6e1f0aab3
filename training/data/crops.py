"""Small crops of faces as nets see them: in training a window of each, moved, mirrored and brightened at random."""

from typing import Final

import torch
from torch import Tensor

# How much larger than what a net sees a crop is, in pixels.
ROOM: Final = 4


def change(crops: Tensor) -> Tensor:
    """Moves each crop by up to 2 pixels, mirrors every second one and makes it brighter or darker; in [-0.5, 0.5]."""
    height, width = (side - ROOM for side in crops.shape[2:])
    rows, columns = (torch.randint(ROOM + 1, (len(crops), 1)) + torch.arange(side) for side in (height, width))
    moved = crops[torch.arange(len(crops))[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
    moved = moved.float() * (0.8 + 0.4 * torch.rand(len(crops), 1, 1, 1)) / 255 - 0.5
    moved[::2] = moved[::2].flip(3)
    return moved.contiguous(memory_format=torch.channels_last)


def centre_crops(crops: Tensor) -> Tensor:
    """The middle of each crop, in [-0.5, 0.5]."""
    edge = slice(ROOM // 2, -ROOM // 2)
    return crops[:, :, edge, edge].float() / 255 - 0.5
