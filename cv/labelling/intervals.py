"""95 % confidence intervals of shares and means."""

import math
from collections.abc import Sequence

Z = 1.96


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Of a share (Wilson 1927)."""
    share, spread = hits / n, Z * Z / n
    centre = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return centre - half, centre + half


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Of a mean, by the normal approximation; None for fewer than three values. Never below zero."""
    n = len(values)
    if n < 3:
        return None
    mean = sum(values) / n
    half = Z * math.sqrt(sum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return max(0.0, mean - half), mean + half
