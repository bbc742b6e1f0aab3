"""Random changes of a batch of cached chips, so that the nets learn faces and not the sets they came from.

FER2013 is 48×48 and grey, the others are sharp and in colour: every set is made grey and coarse at random.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from cv.engine.labels import Attribute
from cv.engine.nets.attribute_net import CHIP_PX
from training.data.chips import CACHED_PX
from training.recipes.recipe import AugmentConfig

COARSE_PX = (28, 110)


def augment(chips: Tensor, config: AugmentConfig, generator: Generator, size: int = CHIP_PX) -> Tensor:
    """float32 RGB ``(N, 3, 190, 190)`` in [0, 255] → float32 RGB ``(N, 3, size, size)`` in [0, 255]."""
    chips = _move(chips, config, generator, size)
    chips = _coarsen(chips, config.low_resolution, generator)
    chips = _recolour(chips, config, generator)
    return _erase(chips, config.erase, generator)


def mixed(
    chips: Tensor, targets: dict[Attribute, Tensor], alpha: float, generator: Generator
) -> tuple[Tensor, dict[Attribute, Tensor]]:
    """Each chip blended with another of the batch, and their targets alike (mixup, Zhang et al. 2018).

    Their shares are drawn from Beta(alpha, alpha), once a batch; nothing is blended where alpha is 0. A blend of which
    one face has no target has none, which is a row of zeros.
    """
    if not alpha:
        return chips, targets
    share = float(np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator))).beta(alpha, alpha))
    other = torch.randperm(len(chips), generator=generator)
    blended = {}
    for attribute, rows in targets.items():
        both = (rows.sum(dim=1) > 0) & (rows[other].sum(dim=1) > 0)
        blended[attribute] = torch.lerp(rows, rows[other], share) * both[:, None]
    return torch.lerp(chips, chips[other], share), blended


def centre(chips: Tensor, size: int = CHIP_PX) -> Tensor:
    """The chip without its margin, ``(N, 3, 190, 190)`` → ``(N, 3, size, size)``; at 150 px what is served."""
    margin = (CACHED_PX - CHIP_PX) // 2
    chip = chips[:, :, margin:-margin, margin:-margin]
    if size == CHIP_PX:
        return chip
    return F.interpolate(chip, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def _uniform(count: int, generator: Generator, low: float = -1.0, high: float = 1.0) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _move(chips: Tensor, config: AugmentConfig, generator: Generator, size: int) -> Tensor:
    """Rotation, scale, shift and mirroring in one bilinear resampling."""
    n = len(chips)
    angle = _uniform(n, generator) * math.radians(config.rotation_degrees)
    zoom = torch.exp(_uniform(n, generator) * config.scale) * CHIP_PX / CACHED_PX
    mirror = (torch.rand(n, generator=generator) < 0.5).float() * -2 + 1
    shift_x, shift_y = (_uniform(n, generator) * config.shift for _ in range(2))
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack(
        [torch.stack([cos * mirror, -sin, shift_x], 1), torch.stack([sin * mirror, cos, shift_y], 1)], dim=1
    )
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    return F.grid_sample(chips, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _coarsen(chips: Tensor, share: float, generator: Generator) -> Tensor:
    """Shrinks some chips of the batch to one random size and enlarges them again."""
    chosen = torch.rand(len(chips), generator=generator) < share
    if not chosen.any():
        return chips
    size = int(torch.randint(*COARSE_PX, (1,), generator=generator))
    small = F.interpolate(chips[chosen], size=(size, size), mode="area")
    chips[chosen] = F.interpolate(small, size=chips.shape[-2:], mode="bilinear", align_corners=False)
    return chips


def _recolour(chips: Tensor, config: AugmentConfig, generator: Generator) -> Tensor:
    n = len(chips)
    luma = chips.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    grey = (torch.rand(n, generator=generator) < config.grey)[:, None, None, None]
    chips = torch.where(grey, (chips * luma).sum(dim=1, keepdim=True), chips)
    gain = 1 + _uniform(n, generator)[:, None, None, None] * config.brightness
    tint = 1 + (torch.rand(n, 3, 1, 1, generator=generator) * 2 - 1) * config.tint * ~grey
    contrast = 1 + _uniform(n, generator)[:, None, None, None] * config.contrast
    mean = chips.mean(dim=(1, 2, 3), keepdim=True)
    return (((chips - mean) * contrast + mean) * gain * tint).clamp(0, 255)


def _erase(chips: Tensor, share: float, generator: Generator) -> Tensor:
    """A grey rectangle of up to a third of the side over some chips (random erasing, Zhong et al. 2017)."""
    size = chips.shape[-1]
    for i in torch.nonzero(torch.rand(len(chips), generator=generator) < share)[:, 0].tolist():
        height, width = torch.randint(size // 10, size // 3, (2,), generator=generator).tolist()
        top, left = torch.randint(0, size - size // 3, (2,), generator=generator).tolist()
        chips[i, :, top : top + height, left : left + width] = 127
    return chips
