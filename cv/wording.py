"""An answer in a few English words, by its shape: for the admin and for commands."""

from typing import Final

from cv.engine.outputs import Output
from cv.engine.types import Answer, Category, Estimate, Flags, Mask, Points, Vector

# A longer vector is told by its length alone.
FEW: Final = 6


def say(answer: Answer, output: Output) -> str:
    match answer:
        case Category(label):
            return str(label).capitalize()
        case Estimate(value):
            return f"{value:.1f}"
        case Flags(probabilities):
            return ", ".join(name for name, share in probabilities.items() if share >= 0.5) or "none"
        case Points(points, scheme):
            return f"{len(points)} points ({scheme})"
        case Vector(values) if len(values) <= FEW:
            names = output.labels or ("",) * len(values)
            numbers = ", ".join(f"{name} {value:.1f}".strip() for name, value in zip(names, values, strict=True))
            return f"{numbers} {output.unit}".strip()
        case Vector(values):
            return f"{len(values)} numbers"
        case Mask(width=width, height=height):
            return f"{width} × {height} pixels"
