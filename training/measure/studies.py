"""What the trainings of a research recipe gave: ``python -m training.measure.studies --recipe transfbp``.

It prints a table with a line for each variant and set: mean ± standard deviation over folds and seeds. With ``--docs
DIR`` it writes the same into the page ``DIR/research.md``, between the comments that name the recipe, with the numbers
as JSON and a picture.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from training.measure.pages import replace_section
from training.recipes import find_study, list_recipes
from training.study import Result, read_results

# A line of the table: a variant on a set.
Line = dict[str, Any]

# How each score is written, and in which unit.
PERCENT: Final = frozenset(
    {"accuracy", "balanced accuracy", "low", "high", "race", "gender", "TAR at FMR 1e-2", "EER", "rank 1"}
)
PICTURES: Final = "images/research"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help="a research recipe")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/RECIPE")
    parser.add_argument("--docs", type=Path, help="write the page research.md of this folder, too")
    arguments = parser.parse_args()
    try:
        study = find_study(arguments.recipe)
    except ValueError as error:
        sys.exit(f"{error}; {', '.join(list_recipes())}" if "no research" in str(error) else str(error))
    out = arguments.out or Path("runs") / study.name
    lines = summarise(read_results(out), list(dict.fromkeys(case.variant for case in study.cases)))
    if not lines:
        sys.exit(f"{out} has no results: python -m training.train --recipe {study.name} --data DIR")
    missing = len(study.cases) - sum(line["trainings"] for line in lines)
    print(write_table(lines))
    if missing:
        print(f"{missing} of {len(study.cases)} cases are not trained yet")
    if arguments.docs:
        write_page(arguments.docs, study.name, lines)


def summarise(results: list[Result], variants: Sequence[str]) -> list[Line]:
    """A line for each variant, in their order, on a set's folds or on its own split."""
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        folds = "" if result["fold"] is None else ", folds"
        groups[result["set"] + folds, result["variant"]].append(result)
    return [
        {
            "set": table,
            "variant": variant,
            "trainings": len(group),
            "by": "seeds" if group[0]["fold"] is None else "folds",
            "scores": {score: [round(result["scores"][score], 4) for result in group] for score in group[0]["scores"]},
            "about": group[0]["about"],
            "cpu_seconds": round(sum(result["cpu_seconds"] for result in group), 1),
            "date": max(result["date"] for result in group),
        }
        for (table, variant), group in sorted(groups.items(), key=lambda item: (item[0][0], variants.index(item[0][1])))
    ]


def write_table(lines: list[Line]) -> str:
    """The lines as Markdown."""
    scores = list(dict.fromkeys(score for line in lines for score in line["scores"]))
    header = ["set", "variant", *(f"{score}, %" if score in PERCENT else score for score in scores), "trainings", "CPU"]
    rows = [
        [
            line["set"],
            line["variant"],
            *(_write_score(score, line["scores"].get(score)) for score in scores),
            f"{line['trainings']} {line['by']}" if line["trainings"] > 1 else "1",
            f"{line['cpu_seconds']:.0f} s",
        ]
        for line in lines
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def _write_score(score: str, values: list[float] | None) -> str:
    if values is None:
        return "–"
    factor, digits = (100, 1) if score in PERCENT else (1, 3)
    mean = f"{factor * statistics.fmean(values):.{digits}f}"
    return f"{mean} ± {factor * statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def write_page(docs: Path, name: str, lines: list[Line]) -> None:
    """Replaces the recipe's table in ``research.md``, numbers and picture. Raises ValueError if the page lacks it."""
    replace_section(docs / "research.md", name, write_table(lines) + "\n")
    folder = docs / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    draw(lines, folder / f"{name}.png")


def draw(lines: list[Line], picture: Path) -> None:
    """Draws each variant's mean and deviation, and a dot for each training: a panel for each set's first score, or for
    each score of several tasks, those that some variants lack."""
    panels = []
    for table in dict.fromkeys(line["set"] for line in lines):
        own = [line for line in lines if line["set"] == table]
        scores = list(dict.fromkeys(score for line in own for score in line["scores"]))
        of_tasks = [score for score in scores if any(score not in line["scores"] for line in own)]
        for score in of_tasks or scores[:1]:
            panels.append((table, score, [line for line in reversed(own) if score in line["scores"]]))
    heights = [len(own) + 1 for _, _, own in panels]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(7, 0.4 + 0.38 * sum(heights)), squeeze=False, height_ratios=heights
    )
    for axis, (table, score, own) in zip(axes[:, 0], panels, strict=True):
        _draw_panel(axis, f"{table}: {score}{', %' if score in PERCENT else ''}", score, own)
    figure.tight_layout()
    figure.savefig(picture, dpi=80, metadata={"Software": None})
    plt.close(figure)


def _draw_panel(axis: Axes, title: str, score: str, lines: list[Line]) -> None:
    factor, digits = (100, 1) if score in PERCENT else (1, 3)
    values = [[factor * value for value in line["scores"][score]] for line in lines]
    ends = []
    for place, row in enumerate(values):
        mean, spread = statistics.fmean(row), statistics.stdev(row) if len(row) > 1 else 0.0
        ends += [*row, mean - spread, mean + spread]
        axis.errorbar(mean, place, xerr=spread, fmt="D", color="#1f3f66", markersize=5, capsize=3)
        axis.plot(row, [place] * len(row), "o", color="#6d9fd1", markersize=3.5, zorder=1)
        end = (max(*row, mean + spread), place)
        axis.annotate(f"{mean:.{digits}f}", end, xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
    lowest, highest = min(ends), max(ends)
    room = (highest - lowest) or highest / 10
    axis.set_xlim(lowest - 0.1 * room, highest + 0.2 * room)
    axis.set_ylim(-0.6, len(lines) - 0.4)
    axis.set_yticks(range(len(lines)), [line["variant"] for line in lines], fontsize=8)
    axis.set_title(title, fontsize=9)
    axis.grid(axis="x", alpha=0.3)


if __name__ == "__main__":
    main()
