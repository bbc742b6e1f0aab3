"""The published expression net in two halves: a lower one that is done, and an upper one with a head for each task."""

from typing import Final

from torch import Tensor, nn

from cv.engine.config import EngineConfig
from cv.engine.labels import Attribute, head_size
from cv.engine.nets.attribute_net import FEATURES, Branch
from training.nets.branch import read_published

# The lower half: the stem and two of four stages; and what it gives: channels, height and width.
LOWER: Final = 3
MAP: Final = (64, 13, 13)


class TaskNet(nn.Module):
    """Maps of the lower half ``(N, *MAP)`` → logits ``(N, head_size)`` of each task. The expression's head and the
    trunk start as published. Raises ModelNotReady."""

    def __init__(self, tasks: tuple[Attribute, ...], dropout: float = 0.3) -> None:
        super().__init__()
        published = published_branch()
        self.trunk, self.dropout = published.trunk[LOWER:], nn.Dropout(dropout)
        self.heads = nn.ModuleDict({task.value: nn.Linear(FEATURES, head_size(task)) for task in tasks})
        self.heads[Attribute.EXPRESSION].load_state_dict(published.heads[Attribute.EXPRESSION].state_dict())

    def forward(self, maps: Tensor) -> dict[Attribute, Tensor]:
        features = self.dropout(self.trunk(maps).mean(dim=(2, 3)))
        return {Attribute(task): head(features) for task, head in self.heads.items()}


def published_branch() -> Branch:
    """The served expression net. Raises ModelNotReady."""
    branch = Branch("expression")
    branch.load_state_dict(read_published(EngineConfig().weights_dir, "expression"))
    return branch.eval()
