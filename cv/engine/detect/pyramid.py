"""The scales at which a picture is searched, cut into tiles that are searched a few at a time.

The tiles, not the picture, bound the memory in use. Neighbouring tiles overlap by a cell, so that P-Net's outputs for
all tiles of a level equal those for the whole level.
"""

from collections.abc import Iterator
from dataclasses import dataclass

CELL, STRIDE = 12, 2
FACTOR = 0.709
# Pixels of the tiles that are searched at once: every level of an ordinary photo together.
GROUP_PIXELS = 4_000_000
# P-Net's outputs across a tile, and its pixels. A much wider strip that fits the cache is only a few rows high and
# shares most rows with the next strip: a panorama took twice as long.
TILE_COLUMNS = 512
TILE_PIXELS = 2_000_000

Window = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """The part ``window`` (left, top, right, bottom) of the picture resized to ``width`` × ``height``, and its
    level. ``left`` and ``top`` count the P-Net outputs before it."""

    level: int
    width: int
    height: int
    window: Window
    left: int
    top: int

    @property
    def pixels(self) -> int:
        left, top, right, bottom = self.window
        return (right - left) * (bottom - top)


def pyramid_scales(shorter_side: int, min_face_px: float) -> list[float]:
    """Scales at which P-Net's 12 px cell covers a face of ``min_face_px`` and each larger size."""
    scale = CELL / min_face_px
    scales = []
    while shorter_side * scale >= CELL:
        scales.append(scale)
        scale *= FACTOR
    return scales


def group_tiles(size: tuple[int, int], scales: list[float]) -> Iterator[list[Tile]]:
    """The tiles of all levels in order, in groups that are searched at once."""
    group: list[Tile] = []
    pixels = 0
    for level, scale in enumerate(scales):
        for tile in _cut_tiles(level, int(size[0] * scale + 1), int(size[1] * scale + 1)):
            if group and pixels + tile.pixels > GROUP_PIXELS:
                yield group
                group, pixels = [], 0
            group.append(tile)
            pixels += tile.pixels
    yield group


def count_outputs(pixels: int) -> int:
    """P-Net's outputs along a side: its pooling halves the side, rounding up; its convolutions take two pixels each."""
    return -(-(pixels - 2) // STRIDE) - 4


def _cut_tiles(level: int, width: int, height: int) -> Iterator[Tile]:
    columns, rows = count_outputs(width), count_outputs(height)
    if width * height <= GROUP_PIXELS:
        yield Tile(level, width, height, (0, 0, width, height), 0, 0)
        return
    across = min(columns, TILE_COLUMNS)
    down = max(TILE_PIXELS // (across * STRIDE**2), 1)
    for top in range(0, rows, down):
        for left in range(0, columns, across):
            right = min((left + across) * STRIDE + CELL - STRIDE, width)
            bottom = min((top + down) * STRIDE + CELL - STRIDE, height)
            yield Tile(level, width, height, (left * STRIDE, top * STRIDE, right, bottom), left, top)
