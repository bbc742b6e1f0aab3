"""Writes the measured numbers as a table into docs/accuracy.md, and draws them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from benchmarks.markdown import table
from cv.labelling.intervals import wilson_interval
from training.measure.pages import replace_section

ROOT = Path(__file__).resolve().parents[2]
RESULT: Final = ROOT / "benchmarks" / "results" / "accuracy.json"
PAGE: Final = ROOT / "docs" / "accuracy.md"
CHART: Final = ROOT / "docs" / "images" / "accuracy.png"

_TITLES: Final = {
    ("utkface", "gender"): "UTKFace, gender",
    ("utkface", "age"): "UTKFace, age within 5 years",
    ("fairface", "gender"): "FairFace, gender",
    ("ckplus", "expression"): "CK+, expression",
}
_COLOURS: Final = ("#e08e45", "#3f7cac", "#6a994e", "#9aa5b1")


def write_page(result: dict[str, Any]) -> None:
    """Replaces the numbers of the page."""
    replace_section(PAGE, "numbers", numbers(result))


def numbers(result: dict[str, Any]) -> str:
    """The table and the list of packages, as Markdown between the page's marks."""
    heads = ("set and answer", "package", "rows", "faces found", "right (95 % interval)", "right where found")
    packages = "\n".join(
        f"- {name}: {described['version']}, licence {described['licence']}"
        for name, described in result["packages"].items()
    )
    return f"\n{table(heads, _rows(result))}\n\n{packages}\n\n"


def _rows(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for (name, output), title in _TITLES.items():
        for package, described in result["packages"].items():
            if (counts := described["scores"].get(name, {}).get(output)) is None:
                continue
            n, found, right = counts["n"], counts["found"], counts["right"]
            low, high = wilson_interval(right, n)
            where_found = f"{right / found:.1%}" if found else "–"
            if "mean_error" in counts:
                where_found += f", {counts['mean_error']:.1f} years off on average"
            interval = f"**{right / n:.1%}** ({low:.1%}–{high:.1%})"
            yield title, package, str(n), f"{found / n:.1%}", interval, where_found


def write_chart(result: dict[str, Any]) -> None:
    """Draws the shares of right answers with their intervals, as PNG."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    packages = result["packages"]
    for i, (package, described) in enumerate(packages.items()):
        at, shares, intervals = [], [], []
        for line, (name, output) in enumerate(_TITLES):
            if counts := described["scores"].get(name, {}).get(output):
                at.append(line + (i - (len(packages) - 1) / 2) * 0.18)
                shares.append(counts["right"] / counts["n"])
                intervals.append(wilson_interval(counts["right"], counts["n"]))
        percent, ends = 100 * np.array(shares), 100 * np.array(intervals).T
        spread = np.abs(ends - percent)
        axes.errorbar(percent, at, xerr=spread, fmt="o", color=_COLOURS[i], label=package, capsize=3, markersize=7)
    axes.set_yticks(range(len(_TITLES)), list(_TITLES.values()))
    axes.set_ylim(len(_TITLES) - 0.5, -0.5)
    axes.set(xlim=(0, 100), xlabel="right answers in percent of all rows, with 95 % intervals; a missed face is wrong")
    for line in range(len(_TITLES) - 1):
        axes.axhline(line + 0.5, color="#dddddd", linewidth=1)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=len(packages), frameon=False)
    figure.savefig(CHART, dpi=110, metadata={"Software": None})
