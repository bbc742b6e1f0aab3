"""Degrades photos on purpose, to check that the quality score falls when the answers get worse."""

from typing import Final

from PIL import ImageEnhance, ImageFilter

from training.data.chips import Change


def _shrink(share: float) -> Change:
    return lambda image: image.resize((max(round(image.width * share), 1), max(round(image.height * share), 1)))


def _blur(share: float) -> Change:
    return lambda image: image.filter(ImageFilter.GaussianBlur(share * min(image.size)))


def _darken(share: float) -> Change:
    return lambda image: ImageEnhance.Brightness(image).enhance(share)


def _cut(share: float) -> Change:
    """Keeps only the right part of the picture."""
    return lambda image: image.crop((round(image.width * share), 0, image.width, image.height))


# Each kind of damage, from light to heavy. Shares are of the picture's side, or of its brightness.
CHANGES: Final[dict[str, list[tuple[str, Change]]]] = {
    "small": [(f"{share:.0%}", _shrink(share)) for share in (0.4, 0.25, 0.16, 0.12)],
    "blurred": [(f"{share:.1%}", _blur(share)) for share in (0.01, 0.02, 0.035, 0.05)],
    "dark": [(f"{share:.0%}", _darken(share)) for share in (0.4, 0.2, 0.1, 0.05)],
    "cut": [(f"{share:.0%}", _cut(share)) for share in (0.2, 0.3, 0.4, 0.5)],
}
