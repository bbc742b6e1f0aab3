"""Writes the card of the quality net, measured with the served pipeline: ``python -m training.publish.quality_card``.

``--data DIR`` is the folder of the labelled tables. Only ``quality_card_template.md`` is written by hand.
"""

import argparse
import json
from pathlib import Path
from string import Template
from typing import Any, Final

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from PIL import Image

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.fields import MANIFEST
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import QualityWarning
from training.data.chips import Change
from training.data.damage import KINDS, Damage
from training.data.damaged import AGE_SHARE, AGE_YEARS, BEAUTY_POINTS
from training.measure.evaluation import attribute_reader, predict, score
from training.quality import CAUSES, FALSE_WARNINGS

TEMPLATE: Final = Path(__file__).with_name("quality_card_template.md")
CARDS_DIR: Final = Path(__file__).resolve().parents[2] / "docs" / "model_cards"
NAME: Final = "xcloud-quality"
# Every STEP-th photo of UTKFace is damaged; photos are sorted by name, which begins with the age.
STEP: Final = 16
AMOUNTS: Final = (0.35, 0.7)
# The chip's square in UTKFace's photos, whose faces are roughly centred: left, top and side as shares of theirs.
SQUARE: Final = (0.22, 0.24, 0.56)
MEASURES: Final = {
    "gender_accuracy": "gender error, %",
    "race_accuracy": "race error, %",
    "age_mae": "age error, years",
}

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    arguments = parser.parse_args()
    entry = json.loads((WEIGHTS_DIR / MANIFEST).read_text(encoding="utf-8"))["quality"]
    rows = measure(get_engine(EngineConfig()), arguments.data / "utkface.parquet")
    CARDS_DIR.mkdir(parents=True, exist_ok=True)
    draw(rows, CARDS_DIR / f"{NAME}.png")
    (CARDS_DIR / f"{NAME}.md").write_text(build_card(entry, rows), encoding="utf-8")


def build_card(entry: dict[str, Any], rows: list[Row]) -> str:
    told, metrics = entry["training"], entry["metrics"]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=NAME,
        version=entry["version"],
        architecture=entry["architecture"],
        licence=entry["licence"],
        side=entry["crop"]["size"],
        sha256=entry["onnx"]["sha256"],
        trained_on=" and ".join(entry["trained_on"]),
        answers_of=told["answers_of"],
        training=f"`{told['command']}`, {told['chips']:,} chips, {told['epochs']} epochs, seed {told['seed']}, PyTorch "
        f"{told['torch']}, {told['date']}",
        years=AGE_YEARS,
        share=f"{AGE_SHARE:.0%}",
        points=BEAUTY_POINTS,
        false=f"{FALSE_WARNINGS:.0%}",
        auc=f"{metrics['damaged.score_auc']:.3f}",
        pearson=f"{metrics['damaged.score_pearson']:.2f}",
        ece=f"{metrics['damaged.score_ece']:.1%}",
        warnings=_warning_table(metrics),
        step=STEP,
        damage=_damage_table(rows),
    )


def measure(engine: Engine, table: Path) -> list[Row]:
    """How answers and quality scores fall when photos of ``table`` are damaged."""
    reader = attribute_reader(engine)
    steps: list[tuple[str, float, Change | None]] = [("as it is", 0, None)]
    steps += [(kind, amount, _change(damage, amount)) for kind, damage in KINDS.items() for amount in AMOUNTS]
    rows = []
    for kind, amount, change in steps:
        predictions = predict(engine, table, "val", change=change, step=STEP)
        found = [quality for quality in predictions.quality if quality is not None]
        said = [warning for quality in found for warning in quality.warnings]
        scores = score(predictions, reader)
        rows.append(
            {
                "kind": kind,
                "amount": amount,
                "found": float(predictions.found.mean()),
                "score": float(np.mean([quality.score for quality in found])) if found else None,
                "warned": {w.value: said.count(w) / len(found) for w in QualityWarning if w in said},
                **{measure: scores[measure] for measure in MEASURES},
            }
        )
    return rows


def _change(damage: Damage, amount: float) -> Change:
    dice = np.random.default_rng(1)

    def change(image: Image.Image) -> Image.Image:
        left, top, side = (share * min(image.size) for share in SQUARE)
        return damage(image, (left, top, side), amount, dice)

    return change


def _warning_table(metrics: dict[str, float]) -> str:
    return _table(
        ["warning", "given to", "given without cause to"],
        [[f"`{w}`", f"{metrics[f'damaged.{w}_recall']:.0%}", f"{metrics[f'damaged.{w}_false']:.1%}"] for w in CAUSES],
    )


def _damage_table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        often = sorted(row["warned"].items(), key=lambda pair: -pair[1])[:2]
        lines.append(
            [
                row["kind"] if row["kind"] == "as it is" else f"{row['kind']} {row['amount']}",
                f"{row['found']:.0%}",
                "–" if row["score"] is None else f"{row['score']:.2f}",
                ", ".join(f"`{name}` {share:.0%}" for name, share in often) or "–",
                f"{1 - row['gender_accuracy']:.1%}",
                f"{1 - row['race_accuracy']:.1%}",
                f"{row['age_mae']:.1f} years",
            ]
        )
    header = ["photos", "face found", "mean score", "warnings", "gender error", "race error", "age error"]
    return _table(header, lines)


def draw(rows: list[Row], picture: Path) -> None:
    """Draws error against the mean quality score: a line for each kind of damage, from the photos as they are on."""
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(14, 4.2), sharex=True)
    plain, *damaged = rows
    for axis, (measure_, title) in zip(axes, MEASURES.items(), strict=True):
        for number, kind in enumerate(KINDS):
            points = [
                (row["score"], row[measure_] if measure_ == "age_mae" else 100 * (1 - row[measure_]))
                for row in (plain, *damaged)
                if row["kind"] in (kind, plain["kind"]) and row["score"] is not None
            ]
            marker = "o" if number < len(KINDS) / 2 else "s"
            axis.plot(*zip(*points, strict=True), marker=marker, markersize=4, linewidth=1, label=kind)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("mean quality score")
        axis.grid(alpha=0.3)
    axes[-1].legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(picture, dpi=90)
    plt.close(figure)


def _table(header: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines])


if __name__ == "__main__":
    main()
