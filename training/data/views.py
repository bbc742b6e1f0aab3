"""What the lower half of the published expression net sees in the chips of a set, computed once and kept on disk.

The upper half then trains in a minute. Chips to learn from are seen several times, each time changed a little; those
that measure are seen as they are and mirrored.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute
from cv.engine.nets.attribute_net import Branch
from training.data.augment import Augmentation, augment, centre
from training.data.chips import Crop, Faces, load_faces
from training.nets.branch import published_file
from training.nets.task_net import LOWER, MAP, published_branch
from training.precision import autocast

CROP: Final = Crop()
VIEWS: Final = {"train": 2, "val": 2}
_CHANGES: Final = Augmentation(grey=0.1, low_resolution=0.1, erase=0.0)
_BATCH, _FORMAT, _SEED = 64, 1, 20261129


@dataclass(frozen=True, slots=True)
class Views:
    """N faces. maps: float16 ``(N, views, *MAP)``; targets: float32 ``(N, head_size)`` of each attribute, which sum to
    1, or to 0 without a label."""

    maps: npt.NDArray[np.float16]
    targets: dict[Attribute, Tensor]

    def __len__(self) -> int:
        return len(self.maps)

    def draw(self, face: int) -> npt.NDArray[np.float16]:
        """One of a face's views at random, ``MAP``."""
        view: npt.NDArray[np.float16] = self.maps[face, int(torch.randint(self.maps.shape[1], ()))]
        return view


def load_chips(table: Path, split: str, folder: Path) -> Faces:
    """The chips of a split, kept in ``folder/chips``. Raises OSError or SystemExit if there are none."""
    return load_faces(table, split, EngineConfig(threads=1), folder / "chips", CROP)


def see_views(table: Path, split: str, folder: Path, limit: int | None = None) -> Views:
    """The faces of a split, or ``limit`` of them drawn with a fixed seed; raises as ``load_chips`` does."""
    faces = load_chips(table, split, folder)
    order = np.random.default_rng(_SEED).permutation(len(faces))
    chosen = np.sort(order[: limit or len(faces)])
    net = published_branch()
    file = folder / f"{table.stem}-{split}-views-{_digest(table, split, len(chosen), net)}.npy"
    if not file.exists():
        _write(file, net, faces, chosen, split)
    targets = {name: torch.from_numpy(rows[chosen]) for name, rows in faces.labels.distributions.items()}
    return Views(np.load(file, mmap_mode="r"), targets)


def as_input(maps: npt.NDArray[np.float16]) -> Tensor:
    """Maps as the upper half takes them, float32."""
    return torch.from_numpy(maps.astype(np.float32)).contiguous(memory_format=torch.channels_last)


def _digest(table: Path, split: str, count: int, net: nn.Module) -> str:
    """Of what determines the maps."""
    with table.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    weights = published_file(EngineConfig().weights_dir).sha256
    parts = (_FORMAT, VIEWS[split], _CHANGES, _SEED, count, weights, content)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


@torch.inference_mode()
def _write(file: Path, net: Branch, faces: Faces, chosen: npt.NDArray[np.intp], split: str) -> None:
    """Until the array is whole it has another name, and is not read."""
    lower = net.trunk[:LOWER].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    part = file.with_suffix(".part")
    shape = (len(chosen), VIEWS[split], *MAP)
    array = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
    generator = torch.Generator().manual_seed(_SEED)
    for batch in np.array_split(np.arange(len(chosen)), math.ceil(len(chosen) / _BATCH)):
        chips = torch.from_numpy(faces.chips[chosen[batch]]).permute(0, 3, 1, 2).float()
        for view in range(VIEWS[split]):
            if split == "train":
                seen = augment(chips.clone(), _CHANGES, generator, CROP, net.side)
            else:
                seen = centre(chips, CROP, net.side).flip(3) if view else centre(chips, CROP, net.side)
            inputs = ((seen - net.mean) / 256).contiguous(memory_format=torch.channels_last)
            with autocast(torch.device("cpu")):
                maps = lower(inputs)
            array[batch, view] = maps.half().contiguous().numpy()
    array.flush()
    part.rename(file)
