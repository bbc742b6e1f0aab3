"""Plots the log of a run: a panel for the losses and one for each measure."""

import csv
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

_COLUMNS = 4


Row = dict[str, float]


def read_log(path: Path) -> list[Row]:
    """Reads ``log.csv``: a row for each epoch."""
    with path.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def plot(rows: list[Row], picture: Path) -> None:
    """Writes the log as a PNG."""
    epochs = [int(row["epoch"]) for row in rows]
    names = [name for name in rows[0] if name not in ("epoch", "seconds")]
    lines = -(-len(names) // _COLUMNS)
    figure, axes = plt.subplots(lines, _COLUMNS, figsize=(3 * _COLUMNS, 2.2 * lines), squeeze=False, sharex=True)
    for axis, name in zip(axes.flat, names, strict=False):
        axis.plot(epochs, [row[name] for row in rows], marker=".")
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
    plt.close(figure)
