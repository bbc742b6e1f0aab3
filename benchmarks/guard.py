"""Compares a report with an earlier one, by figures that other load hardly changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.scaling import FACES, MEGAPIXELS

ALLOWED: Final = 0.15
# What two machines must have in common to compare their processor times, and to compare their server's rate and memory.
_KIND: Final = ("vector_units", "cores", "blas")
_CORES: Final = ("cores",)


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``. ``same``: what of two machines must be the same for it to be compared; ``own_photos``: the
    photos must be the same, too."""

    value: float
    unit: str
    same: tuple[str, ...] = _KIND
    own_photos: bool = True
    more_is_better: bool = False


def figures(report: dict[str, Any]) -> dict[str, Figure]:
    """The figures to compare, by name; an older report may lack some."""
    return dict(_figures(report))


def _figures(report: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    for name, measured in report["engine"].items():
        if "products" in measured:
            yield f"a photo, {name}", Figure(measured["products"], "matrix products of one core")
    for name, drawn in (("by_pixels", f"{MEGAPIXELS[-1]:g} megapixels"), ("by_faces", f"{FACES[-1]} faces")):
        if "products" in (largest := report[name][-1]):
            yield f"a photo of {drawn}", Figure(largest["products"], "matrix products of one core", own_photos=False)
    for row in report.get("by_gallery", [])[-1:]:
        compared = Figure(row["of_bare_product"], "of the bare product", own_photos=False)
        yield f"a search among {row['faces']:,} faces", compared
    for name, mix in (("http", "small photos"), ("http_full_size", "full size"), ("http_one_photo", "one photo")):
        if row := report[name].get("clients_8"):
            share = Figure(row["share_of_engine"], "of the engine's rate", _CORES, more_is_better=True)
            yield f"eight clients, {mix}", share
    yield "memory of the server", Figure(report["http_full_size"]["memory_mb_after"], "MB", _CORES)


def compare(before: dict[str, Any], now: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What got worse by more than ALLOWED, and what could not be compared and why, a sentence each."""
    earlier, current = figures(before), figures(now)
    same_photos = before.get("photos") == now.get("photos")
    worse, notes = [], []
    for name, figure in current.items():
        other = [part for part in figure.same if before["machine"].get(part) != now["machine"].get(part)]
        if name not in earlier:
            notes.append(f"{name}: not in the earlier results")
        elif figure.own_photos and not same_photos:
            notes.append(f"{name}: other photos")
        elif other:
            differ = ", ".join(
                f"{part} {_said(before['machine'].get(part))} then, {_said(now['machine'].get(part))} now"
                for part in other
            )
            notes.append(f"{name}: another kind of machine ({differ})")
        else:
            was = earlier[name].value
            change = figure.value / was - 1
            if (was / figure.value if figure.more_is_better else figure.value / was) > 1 + ALLOWED:
                worse.append(f"{name}: {was:g} before, {figure.value:g} now ({change:+.0%}; {figure.unit})")
    return worse, notes


def _said(value: Any) -> str:
    return "+".join(value) if isinstance(value, list) else str(value)
