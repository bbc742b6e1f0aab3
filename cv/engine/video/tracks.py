"""Follows faces from frame to frame by where they are: boxes that overlap, or that are near and about as large."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cv.engine.types import Box

# Two boxes that overlap less (intersection over union) are one face only if they are near and about as large.
OVERLAP: Final = 0.25
# A box may have moved by this share of its width, and grown or shrunk by this factor.
NEAR: Final = 0.6
GROWTH: Final = 1.5
# A face that is not found for longer than this, in seconds, is another track when it comes back.
GAP_S: Final = 1.0


@dataclass(slots=True)
class _Live:
    box: Box
    at: float
    # Pixels a second of the box's middle.
    speed: tuple[float, float] = (0.0, 0.0)


class Tracker:
    """Numbers the tracks from 0. A scene's start ends all of them."""

    def __init__(self) -> None:
        self._live: dict[int, _Live] = {}
        self._next = 0

    def assign(self, boxes: Sequence[Box], at: float, starts_scene: bool) -> list[int]:
        """The track of each box of the frame ``at`` seconds; the likeliest pairs first, each box and track once."""
        if starts_scene:
            self._live.clear()
        self._live = {number: live for number, live in self._live.items() if at - live.at <= GAP_S}
        pairs = [
            (likeness, index, number)
            for index, box in enumerate(boxes)
            for number, live in self._live.items()
            if (likeness := _likeness(_expected(live, at), box)) > 0
        ]
        numbers: dict[int, int] = {}
        taken: set[int] = set()
        # Of equally likely ones the largest face, which comes first, and the oldest track.
        for _, index, number in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if index not in numbers and number not in taken:
                numbers[index] = number
                taken.add(number)
        for index, box in enumerate(boxes):
            if index not in numbers:
                numbers[index], self._next = self._next, self._next + 1
            self._move(numbers[index], box, at)
        return [numbers[index] for index in range(len(boxes))]

    def expected(self, at: float) -> list[Box]:
        """Where the faces are that were seen lately, if they moved on as before."""
        return [_expected(live, at) for live in self._live.values() if at - live.at <= GAP_S]

    def _move(self, number: int, box: Box, at: float) -> None:
        live = self._live.get(number)
        if live is None or at <= live.at:
            self._live[number] = _Live(box, at)
            return
        (x, y), (to_x, to_y), seconds = _middle(live.box), _middle(box), at - live.at
        self._live[number] = _Live(box, at, ((to_x - x) / seconds, (to_y - y) / seconds))


def _expected(live: _Live, at: float) -> Box:
    """Where the face is now if it moved on as before."""
    seconds = at - live.at
    return Box(
        live.box.x + live.speed[0] * seconds, live.box.y + live.speed[1] * seconds, live.box.width, live.box.height
    )


def _likeness(one: Box, other: Box) -> float:
    """From 1 to 2 for boxes that overlap enough, up to 1 for boxes that are near, 0 for others."""
    if (overlap := one.overlap(other)) >= OVERLAP:
        return 1 + overlap
    (x, y), (to_x, to_y) = _middle(one), _middle(other)
    size = (one.area * other.area) ** 0.25
    moved = ((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5 / size if size else NEAR
    alike = 1 / GROWTH**2 <= one.area / other.area <= GROWTH**2 if other.area else False
    return 1 - moved / NEAR if alike and moved < NEAR else 0.0


def _middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2
