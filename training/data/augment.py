"""Random changes of a batch of cached chips, so that the nets learn faces and not the look of each set.

FER2013 is 48×48 and grey; the other sets are sharp and in colour. So chips of every set are made grey or coarse at
random.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from cv.engine.labels import Attribute
from training.data.chips import Crop
from training.losses import marks_range

COARSE_PX = (28, 110)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges of the random changes; ``grey``, ``low_resolution`` and ``erase`` are shares of the faces."""

    rotation_degrees: float = 10.0
    scale: float = 0.08
    shift: float = 0.04
    brightness: float = 0.2
    contrast: float = 0.2
    tint: float = 0.06
    grey: float = 0.15
    low_resolution: float = 0.15
    erase: float = 0.2


# Larger changes keep the net from memorizing faces that it sees in many epochs.
STRONG: Final = Augmentation(
    rotation_degrees=15,
    scale=0.12,
    shift=0.06,
    brightness=0.3,
    contrast=0.3,
    grey=0.2,
    low_resolution=0.25,
    erase=0.3,
)


def augment(chips: Tensor, config: Augmentation, generator: Generator, crop: Crop, size: int) -> Tensor:
    """float32 RGB ``(N, 3, cached, cached)`` in [0, 255] → float32 RGB ``(N, 3, size, size)`` in [0, 255].

    The ``generator`` is the CPU's, so the draws are the same on every device.
    """
    chips = _move(chips, config, generator, crop, size)
    chips = _coarsen(chips, config.low_resolution, generator)
    chips = _recolour(chips, config, generator)
    return _erase(chips, config.erase, generator)


def mix_pairs(
    chips: Tensor, targets: dict[Attribute, Tensor], alpha: float, generator: Generator
) -> tuple[Tensor, dict[Attribute, Tensor]]:
    """Blends each chip and its targets with those of another chip in the batch (mixup, Zhang et al. 2018).

    The share is drawn from Beta(alpha, alpha) once per batch; an alpha of 0 changes nothing. If one of two faces has no
    target, or its target marks a range, the blend has none: a row of zeros.
    """
    if not alpha:
        return chips, targets
    share = float(np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator))).beta(alpha, alpha))
    other = torch.randperm(len(chips), generator=generator).to(chips.device)
    blended = {}
    for attribute, rows in targets.items():
        known = (rows.sum(dim=1) > 0) & ~marks_range(rows)
        blended[attribute] = torch.lerp(rows, rows[other], share) * (known & known[other])[:, None]
    return torch.lerp(chips, chips[other], share), blended


def centre(chips: Tensor, crop: Crop, size: int) -> Tensor:
    """The chip without its margin, ``(N, 3, cached, cached)`` → ``(N, 3, size, size)``."""
    margin, end = crop.margin, crop.margin + crop.size
    chip = chips[:, :, margin:end, margin:end]
    if size == crop.size:
        return chip
    return F.interpolate(chip, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def _uniform(count: int, generator: Generator, low: float = -1.0, high: float = 1.0) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _move(chips: Tensor, config: Augmentation, generator: Generator, crop: Crop, size: int) -> Tensor:
    """Rotation, scale, shift and mirroring in one bilinear resampling."""
    n = len(chips)
    angle = _uniform(n, generator) * math.radians(config.rotation_degrees)
    zoom = torch.exp(_uniform(n, generator) * config.scale) * crop.size / crop.cached
    mirror = (torch.rand(n, generator=generator) < 0.5).float() * -2 + 1
    shift_x, shift_y = (_uniform(n, generator) * config.shift for _ in range(2))
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack(
        [torch.stack([cos * mirror, -sin, shift_x], 1), torch.stack([sin * mirror, cos, shift_y], 1)], dim=1
    )
    grid = F.affine_grid(theta.to(chips.device), [n, 3, size, size], align_corners=False)
    return F.grid_sample(chips, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _coarsen(chips: Tensor, share: float, generator: Generator) -> Tensor:
    """Shrinks some chips of the batch to one random size and enlarges them again."""
    chosen = (torch.rand(len(chips), generator=generator) < share).to(chips.device)
    if not chosen.any():
        return chips
    size = int(torch.randint(*COARSE_PX, (1,), generator=generator))
    small = F.interpolate(chips[chosen], size=(size, size), mode="area")
    chips[chosen] = F.interpolate(small, size=chips.shape[-2:], mode="bilinear", align_corners=False)
    return chips


def _recolour(chips: Tensor, config: Augmentation, generator: Generator) -> Tensor:
    n, device = len(chips), chips.device
    grey = torch.rand(n, generator=generator) < config.grey
    gain = 1 + _uniform(n, generator)[:, None, None, None] * config.brightness
    tint = 1 + (torch.rand(n, 3, 1, 1, generator=generator) * 2 - 1) * config.tint * ~grey[:, None, None, None]
    contrast = 1 + _uniform(n, generator)[:, None, None, None] * config.contrast
    luma = chips.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    grey = grey.to(device)
    chips[grey] = (chips[grey] * luma).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    mean = chips.mean(dim=(1, 2, 3), keepdim=True)
    # ((chips - mean) * contrast + mean) * gain * tint, with one product for each pixel.
    factor, gain = (contrast * gain * tint).to(device), (gain * tint).to(device)
    return torch.addcmul(mean * (gain - factor), chips, factor).clamp_(0, 255)


def _erase(chips: Tensor, share: float, generator: Generator) -> Tensor:
    """A grey rectangle of up to a third of the side over some chips (random erasing, Zhong et al. 2017)."""
    size = chips.shape[-1]
    for i in torch.nonzero(torch.rand(len(chips), generator=generator) < share)[:, 0].tolist():
        height, width = torch.randint(size // 10, size // 3, (2,), generator=generator).tolist()
        top, left = torch.randint(0, size - size // 3, (2,), generator=generator).tolist()
        chips[i, :, top : top + height, left : left + width] = 127
    return chips
