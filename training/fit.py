"""The loop that trains a research recipe's net: AdamW, one cosine, a checkpoint after each epoch."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import AdamW

# The indices of a batch's faces, int64 ``(B,)`` → their mean loss, a scalar.
BatchLoss = Callable[[Tensor], Tensor]

_LARGEST_GRADIENT = 5.0


def fit(
    net: nn.Module,
    faces: int,
    batch_loss: BatchLoss,
    *,
    epochs: int,
    rate: float,
    seed: int,
    checkpoint: Path,
    batch_size: int = 64,
    weight_decay: float = 0.02,
) -> None:
    """Trains ``net`` in place on ``faces`` faces and leaves it in ``eval``; goes on from a checkpoint if there is one.

    Each epoch's order and dropout follow from the seed and the epoch, so a run that was killed and resumed gives the
    same weights as one that was not. Raises ValueError if a loss is not a number.
    """
    batch_size = min(batch_size, faces)
    steps = faces // batch_size
    optimizer = AdamW([p for p in net.parameters() if p.requires_grad], lr=rate, weight_decay=weight_decay)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epochs"]
    for epoch in range(first, epochs):
        net.train()
        torch.manual_seed(1000 * seed + epoch)
        order = torch.randperm(faces)
        total = 0.0
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = rate * _cosine((epoch * steps + step) / (epochs * steps))
            loss = batch_loss(order[step * batch_size : (step + 1) * batch_size])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise ValueError(f"the loss of epoch {epoch + 1} is not a number")
        print(f"epoch {epoch + 1}/{epochs} loss={total / steps:.4f}", flush=True)
        part = checkpoint.with_suffix(".part")
        torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epochs": epoch + 1}, part)
        part.rename(checkpoint)
    net.eval()


def _cosine(share: float) -> float:
    """From a short rise to 1 down to 0.01, at this share of the steps."""
    return min(1.0, 0.1 + share * 20) * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
