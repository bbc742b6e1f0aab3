"""Draws the benchmark's numbers: one picture of a photo's time and the server, one of how cost grows."""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STAGES = {"decode": "#9aa5b1", "detect": "#3f7cac", "attributes": "#e08e45"}
CURVES = {"further faces": "#e08e45", "rate": "#6a994e"}
# The curves of ``scaling.growth``, each with those that share its axes.
PANELS = {"pixels": (), "faces": ("further faces",), "waiting": ("rate",), "search": ()}


def draw(result: dict[str, Any], file: Path) -> None:
    """Draws four charts as SVG: stages, pixels, faces, clients."""
    matplotlib.rcParams["svg.hashsalt"] = "xcloud"
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    axes = figure.subplots(2, 2)
    _stages(axes[0, 0], result["engine"])
    _growth(axes[0, 1], result["by_pixels"], "megapixels", "Two faces, more pixels")
    _growth(axes[1, 0], result["by_faces"], "faces", "4.3 megapixels, more faces")
    _clients(axes[1, 1], result["http"])
    figure.savefig(file, metadata={"Date": None})


def draw_growth(curves: dict[str, Any], file: Path) -> None:
    """Draws each curve of ``scaling.growth`` on logarithmic axes, with the straight line of its exponent, as SVG.

    Older results lack a curve; its panel stays empty.
    """
    matplotlib.rcParams["svg.hashsalt"] = "xcloud"
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    for axes, (name, others) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        if name not in curves:
            axes.set_axis_off()
            continue
        for each in (name, *others):
            _curve(axes, curves[each], CURVES.get(each, "#3f7cac"))
        axes.set(xscale="log", yscale="log", xlabel=curves[name]["of"])
        axes.legend(loc="upper left")
        axes.grid(which="major", color="#eeeeee")
    figure.savefig(file, metadata={"Date": None})


def _curve(axes: Axes, curve: dict[str, Any], colour: str) -> None:
    sizes, costs = np.array(curve["points"]).T
    axes.plot(sizes, costs, marker="o", color=colour, label=f"{curve['cost']}: exponent {curve['exponent']}")
    fitted = sizes ** curve["exponent"]
    axes.plot(sizes, fitted * np.exp(np.mean(np.log(costs / fitted))), linestyle=":", color=colour)


def _stages(axes: Axes, engine: dict[str, Any]) -> None:
    left = [0.0] * len(engine)
    for stage, colour in STAGES.items():
        widths = [measured["stages_ms"][stage] for measured in engine.values()]
        axes.barh(list(engine), widths, left=left, color=colour, label=stage)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set(title="A photo by itself, stage by stage", xlabel="milliseconds, medians")
    axes.legend()


def _growth(axes: Axes, rows: list[dict[str, float]], against: str, title: str) -> None:
    x = [row[against] for row in rows]
    axes.stackplot(
        x, *([row[stage] for row in rows] for stage in STAGES), labels=list(STAGES), colors=list(STAGES.values())
    )
    axes.set(title=title, xlabel=against, ylabel="milliseconds")
    axes.legend(loc="upper left")


def _clients(axes: Axes, http: dict[str, Any]) -> None:
    counts = [name.removeprefix("clients_") for name in http if name.startswith("clients_")]
    rows = [http[f"clients_{count}"] for count in counts]
    axes.bar(counts, [row["requests_per_second"] for row in rows], color=STAGES["detect"])
    axes.axhline(http["engine_images_per_second"], color="#444", linestyle="--", label="the engine by itself")
    axes.set(title="Over HTTP", xlabel="clients at once", ylabel="requests a second")
    axes.legend(loc="lower right")
    late = axes.twinx()
    late.plot(counts, [row["ms_p95"] for row in rows], color=STAGES["attributes"], marker="o")
    late.set(ylabel="95th percentile, milliseconds", ylim=(0, None))
