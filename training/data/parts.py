"""The eyes, nose and mouth of aligned faces, as crops for small nets."""

from functools import cache
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cv.engine.labels import Attribute
from training.data.views import load_chips

# Top, left, height and width of each part in a chip with its margin, in pixels: a chip is aligned by the landmarks.
PARTS: Final = {"eyes": (36, 46, 48, 96), "nose": (62, 70, 52, 52), "mouth": (96, 50, 48, 96)}


@cache
def cut_part(table: Path, split: str, folder: Path, name: str) -> tuple[Tensor, Tensor]:
    """A part of each face at half its size, uint8 ``(N, 3, H, W)``, and the shares of each expression ``(N, 7)``."""
    faces, (top, left, height, width) = load_chips(table, split, folder), PARTS[name]
    cut = torch.from_numpy(faces.chips[:, top : top + height, left : left + width].copy()).permute(0, 3, 1, 2)
    halves = [F.avg_pool2d(part.float(), 2).round().byte() for part in torch.split(cut, 1024)]
    return torch.cat(halves), torch.from_numpy(faces.labels.distributions[Attribute.EXPRESSION])
