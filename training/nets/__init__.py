"""The nets that recipes train, by name, and how each starts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from torch import nn

from cv.engine.labels import Attribute
from cv.engine.nets.attribute_net import SIDES
from training.nets.branch import build_branch, start_from_dlib


@dataclass(frozen=True, slots=True)
class NetKind:
    """How a net is built.

    A net takes float32 RGB ``(N, 3, side, side)`` in [0, 255] and gives a tuple of logits ``(N, head_size)``, one for
    each output. Its heads stand under ``heads``, and the parts that a recipe may freeze under ``trunk``.

    build: outputs and dropout → a net with random weights. Raises ValueError if the net cannot answer the outputs.
    pretrain: loads the weights that the net starts from, and returns a description of them.
    norms_are_folded: whether training adds batch norms and folds them away again, see ``training.nets.norms``.
    """

    side: int
    build: Callable[[tuple[Attribute, ...], float], nn.Module]
    pretrain: Callable[[nn.Module], str]
    norms_are_folded: bool


NETS: Final[dict[str, NetKind]] = {
    name: NetKind(side, partial(build_branch, name), start_from_dlib, norms_are_folded=True)
    for name, side in SIDES.items()
}
