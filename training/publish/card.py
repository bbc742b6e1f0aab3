"""Writes the model card under ``docs/model_cards``: the served pipeline's scores on ``val``, and charts.

``python -m training.publish.card --data DIR``. Only the templates are written by hand.
"""

import argparse
import json
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt

from cv.engine.config import WEIGHTS_DIR, EngineConfig, Pack
from cv.engine.fields import MANIFEST
from cv.engine.runtime import get_engine
from training.data.served_faces import FaceCache
from training.measure.curves import plot
from training.measure.evaluation import evaluate
from training.publish.export import find_entry, write_manifest

TEMPLATES = {
    Pack.RESEARCH: Path(__file__).with_name("card_template.md"),
    Pack.OPEN: Path(__file__).with_name("open_card_template.md"),
}
CARDS_DIR = Path(__file__).resolve().parents[2] / "docs" / "model_cards"

# The headline measures of each set, and their names in the manifest. No model has seen a face of ``ckplus``.
HEADLINES = {
    "utkface": ("gender_accuracy", "race_accuracy", "race_balanced_accuracy", "age_mae", "coverage"),
    "fairface": ("gender_accuracy", "race_accuracy", "age_band_accuracy", "age_band_off_by_one"),
    "allage": ("gender_accuracy", "age_mae"),
    "fer2013": ("expression_accuracy", "expression_balanced_accuracy", "expression_majority_accuracy"),
    "rafdb": ("expression_accuracy", "expression_balanced_accuracy"),
    "facial_expressions": ("expression_accuracy", "expression_balanced_accuracy"),
    "ckplus": ("expression_accuracy", "expression_balanced_accuracy"),
    "mebeauty": ("beauty_pearson", "beauty_mae", "coverage"),
    "scut": ("beauty_pearson",),
}
# What the table of uncertainty says of each attribute, beside the share of answers that abstain.
SHOWN_MEASURES = {
    "gender": "gender_accuracy",
    "race": "race_accuracy",
    "expression": "expression_accuracy",
    "age": "age_mae",
    "beauty": "beauty_mae",
}
# What the table of quality says of sets whose photos differ in quality.
QUALITY_MEASURES = {
    "utkface": ("gender_accuracy", "race_accuracy", "age_mae"),
    "fairface": ("gender_accuracy", "race_accuracy"),
    "facial_expressions": ("expression_accuracy",),
}
LARGE_GROUP = 100
UNITS = {"age_mae": "years", "beauty_mae": "points of 1–10"}

Results = dict[str, dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--pack", type=Pack, choices=list(Pack), default=Pack.RESEARCH)
    parser.add_argument("--cache", type=Path, help="folder that keeps the faces found, for the next weights")
    arguments = parser.parse_args()
    folder = arguments.pack.folder(WEIGHTS_DIR)
    config = EngineConfig(folder)
    engine = get_engine(config)
    cache = FaceCache(arguments.cache, config) if arguments.cache else None
    path = folder / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    attributes = find_entry(manifest)
    headlines = find_headlines(attributes["outputs"])
    results = {name: evaluate(engine, arguments.data / f"{name}.parquet", "val", cache=cache) for name in headlines}

    attributes["metrics"] = {
        f"{name}.{measure}": results[name][measure] for name, measures in headlines.items() for measure in measures
    }
    write_manifest(path, manifest)

    name = attributes["name"]
    CARDS_DIR.mkdir(parents=True, exist_ok=True)
    (CARDS_DIR / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    draw_confusions(results, CARDS_DIR / f"{name}-confusion.png")
    draw_reliability(results, CARDS_DIR / f"{name}-reliability.png")
    for branch, run in attributes["training"].items():
        plot(run["log"], CARDS_DIR / f"{name}-{branch}-curves.png")
    card = build_card(attributes, results, TEMPLATES[arguments.pack])
    (CARDS_DIR / f"{name}.md").write_text(card, encoding="utf-8")


def find_headlines(outputs: list[str]) -> dict[str, list[str]]:
    """The headline measures of the sets that say something about these outputs."""
    found = {
        name: [measure for measure in measures if measure.partition("_")[0] in outputs]
        + (["coverage"] if "coverage" in measures else [])
        for name, measures in HEADLINES.items()
    }
    return {name: measures for name, measures in found.items() if measures != ["coverage"] and measures}


def build_card(model: dict[str, Any], results: Results, template: Path) -> str:
    """The card as Markdown."""
    return Template(template.read_text(encoding="utf-8")).substitute(
        name=model["name"],
        version=model["version"],
        architecture=model["architecture"],
        chip_size=model["crop"]["size"],
        file=model["onnx"]["file"],
        sha256=model["onnx"]["sha256"],
        licence=model["licence"],
        trained_on=", ".join(model["trained_on"]),
        runs=_runs(model),
        curves="\n".join(f"![Log of the {b} branch]({model['name']}-{b}-curves.png)" for b in model["training"]),
        coverage=f"{model['calibration']['coverage']:.0%}",
        data_table=_data_table(results),
        headline_table=_headline_table(results, model["metrics"]),
        class_table=_class_table(results),
        group_table=_group_table(results["utkface"]),
        quality_table=_quality_table(results),
        calibration_table=_calibration_table(model["calibration"]),
        uncertainty_table=_uncertainty_table(results),
    )


def _runs(model: dict[str, Any]) -> str:
    return "\n".join(
        f"- {branch}: `{run['command']}`, {run['epochs_done']} epochs, seed "
        f"{run['config']['seed']}, PyTorch {run['torch']}, {run['date']}, from {run['started_from']}"
        + (f", learning from the labels and from {run['taught_by']}" if run.get("taught_by") else "")
        + (f"; {run['share']:.0%} of the mean with these" if run.get("share", 1) < 1 else "")
        + (f". {run['note']}" if run.get("note") else "")
        for branch, run in model["training"].items()
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _data_table(results: Results) -> str:
    return _table(
        ["set", "faces in `val`", "face found"],
        [[name, f"{result['n']:,}", f"{result['coverage']:.1%}"] for name, result in results.items()],
    )


def _number(measure: str, value: float) -> str:
    if measure in UNITS:
        return f"{value:.2f} {UNITS[measure]}"
    return f"{value:.3f}" if measure.endswith("pearson") else f"{value:.1%}"


def _headline_table(results: Results, metrics: dict[str, float]) -> str:
    rows = []
    for metric, value in metrics.items():
        name, measure = metric.split(".")
        interval = results[name]["intervals"].get(measure)
        bounds = f" [{_number(measure, interval[0])}, {_number(measure, interval[1])}]" if interval else ""
        rows.append([name, measure.replace("_", " "), _number(measure, value) + bounds])
    return _table(["set", "measure", "value"], rows)


def _confusions(results: Results) -> list[tuple[str, str, list[str], np.ndarray]]:
    return [
        (
            name,
            attribute,
            results[name]["details"][attribute]["labels"],
            np.array(results[name]["details"][attribute]["confusion"]),
        )
        for name, attribute in (
            ("utkface", "gender"),
            ("utkface", "race"),
            ("fer2013", "expression"),
            ("rafdb", "expression"),
        )
        if attribute in results.get(name, {}).get("details", {})
    ]


def _class_table(results: Results) -> str:
    rows = []
    for name, attribute, labels, matrix in _confusions(results):
        for i, label in enumerate(labels):
            true, answered = int(matrix[i].sum()), int(matrix[:, i].sum())
            precision = f"{matrix[i, i] / answered:.1%}" if answered else "–"
            rows.append([name, attribute, label, str(true), f"{matrix[i, i] / max(true, 1):.1%}", precision])
    return _table(["set", "attribute", "class", "faces", "recall", "precision"], rows)


def _group_table(result: dict[str, Any]) -> str:
    rows = []
    for kind in ("gender", "race", "age"):
        for group, scores in result["groups"][kind].items():
            cells = [
                _number(m, scores[m]) if m in scores else "–" for m in ("gender_accuracy", "race_accuracy", "age_mae")
            ]
            rows.append([kind, group, str(scores["n"]), *cells])
    return _table(["by", "group", "faces", "gender accuracy", "race accuracy", "age error"], rows)


def _uncertainty_table(results: Results) -> str:
    """How often intervals hold, answers are wrong and answers abstain, for each set and each of its larger groups."""
    rows = []
    for name, result in results.items():
        groups = [("all", "", result)] + [
            (kind, group, scores)
            for kind in ("gender", "race", "age", "gender, race, age")
            for group, scores in result["groups"][kind].items()
            if scores["n"] >= LARGE_GROUP
        ]
        for kind, group, scores in groups:
            cells = [
                f"{_number(measure, scores[measure])}, {scores['abstained'][attribute]:.1%}"
                if measure in scores
                else "–"
                for attribute, measure in SHOWN_MEASURES.items()
            ]
            held = scores.get("age_interval_coverage", scores.get("beauty_interval_coverage"))
            n = str(scores["n"])
            rows.append([name, group or kind, n, "–" if held is None else f"{held:.1%}", *cells])
    return _table(["set", "group", "faces", "interval holds", *SHOWN_MEASURES], rows)


def _quality_table(results: Results) -> str:
    """How right the answers are in each fifth of a set's faces by quality, worst first."""
    rows = []
    for name, measures in QUALITY_MEASURES.items():
        for fifth in results[name]["quality"] if name in results else ():
            cells = [f"{m.replace('_', ' ')} {_number(m, fifth[m])}" for m in measures]
            rows.append([name, f"{fifth['from']:.2f} to {fifth['to']:.2f}", str(fifth["n"]), ", ".join(cells)])
    return _table(["set", "quality score", "faces", "answers"], rows)


def _calibration_table(calibration: dict[str, Any]) -> str:
    rows = []
    for attribute, sets in calibration["checked"].items():
        if attribute in calibration["temperature"]:
            fitted = f"temperature {calibration['temperature'][attribute]:.2f}"
            for trait, slope in calibration["slopes"].get(attribute, {}).items():
                fitted += f", times e^({slope:.2f} × {trait})"
            if any(calibration["bias"][attribute]):
                fitted += f", rare classes raised by up to {max(calibration['bias'][attribute]):.2f}"
        else:
            levels = calibration["levels"][attribute]
            fitted = f"levels from {min(levels['low']):.1%} to {max(levels['high']):.1%}"
        rows += [[attribute, fitted, name, _effect(checked)] for name, checked in sets.items()]
    return _table(["attribute", "fitted", "set", "checked on rows left out of the fit"], rows)


def _effect(checked: dict[str, float]) -> str:
    if "ece" not in checked:
        return f"holds {checked['coverage']:.1%}, mean width {checked['mean_width']:.1f}"
    measures = {"calibration error": "ece", "accuracy": "accuracy", "balanced": "balanced_accuracy"}
    effects = [
        f"{name} {checked[f'{measure}_before']:.1%} → {checked[measure]:.1%}" for name, measure in measures.items()
    ]
    if "ece_by_chance" in checked:
        effects.insert(1, f"chance alone {checked['ece_by_chance']:.1%}")
    return ", ".join(effects)


def draw_confusions(results: Results, picture: Path) -> None:
    """Draws a panel for each attribute; cells are percentages of their row."""
    confusions = _confusions(results)
    figure, axes = plt.subplots(1, len(confusions), figsize=(17, 4.2))
    for axis, (name, attribute, labels, matrix) in zip(axes, confusions, strict=True):
        shares = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for (i, j), share in np.ndenumerate(shares):
            axis.text(
                j, i, f"{share:.0f}", ha="center", va="center", fontsize=8, color="white" if share > 60 else "black"
            )
        axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
        axis.set_yticks(range(len(labels)), labels, fontsize=8)
        axis.set_title(f"{attribute} ({name}), % of each label", fontsize=10)
    figure.tight_layout()
    figure.savefig(picture, dpi=90)
    plt.close(figure)


def draw_reliability(results: Results, picture: Path) -> None:
    """Draws accuracy against confidence; the diagonal is perfect, a dot's size is its number of faces."""
    confusions = _confusions(results)
    figure, axes = plt.subplots(1, len(confusions), figsize=(14, 3.6), sharey=True)
    for axis, (name, attribute, _, _) in zip(axes, confusions, strict=True):
        bins = results[name]["details"][attribute]["reliability"]
        confidence, accuracy, n = ([b[key] for b in bins] for key in ("confidence", "accuracy", "n"))
        axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
        axis.plot(confidence, accuracy, linewidth=1)
        axis.scatter(confidence, accuracy, s=[10 + 150 * count / sum(n) for count in n])
        axis.set_title(f"{attribute} ({name}), ECE {results[name][f'{attribute}_ece']:.1%}", fontsize=10)
        axis.set_xlabel("stated confidence")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("accuracy")
    figure.tight_layout()
    figure.savefig(picture, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
