"""Writes the card of the traits, measured with the served pipeline: ``python -m training.publish.traits_card``.

``--data DIR`` is the folder of celeba.parquet. Only ``traits_card_template.md`` is written by hand.
"""

import argparse
import json
from pathlib import Path
from string import Template
from typing import Any, Final

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.fields import MANIFEST
from cv.engine.runtime import get_engine
from training.data.tables import rows
from training.measure.traits import score_traits
from training.publish.export import write_manifest
from training.publish.traits import NAME

TEMPLATE: Final = Path(__file__).with_name("traits_card_template.md")
CARD: Final = Path(__file__).resolve().parents[2] / "docs" / "model_cards" / f"{NAME}.md"
MEASURES: Final = {
    "traits_accuracy": "accuracy",
    "traits_balanced_accuracy": "balanced accuracy",
    "traits_ece": "calibration error",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of celeba.parquet")
    parser.add_argument("--limit", type=int, help="a sample of N faces")
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig(threads=1))
    scores = score_traits(engine, rows(arguments.data / "celeba.parquet", "val", arguments.limit))
    path = WEIGHTS_DIR / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    entry = next(model for model in manifest["models"] if model["name"] == NAME)
    entry["metrics"] = {f"celeba.{measure}": scores[measure] for measure in MEASURES}
    write_manifest(path, manifest)
    CARD.write_text(build_card(entry, scores), encoding="utf-8")


def build_card(entry: dict[str, Any], scores: dict[str, Any]) -> str:
    """The card of an entry of the manifest; ``scores`` are those of ``score_traits``."""
    told = entry["training"]
    majority = sum(max(one["share"], 1 - one["share"]) for one in scores["traits"].values()) / len(scores["traits"])
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        version=entry["version"],
        architecture=entry["architecture"][0].upper() + entry["architecture"][1:],
        margin=f"{entry['crop']['margin']:.0%}",
        size=entry["crop"]["size"],
        sha256=entry["onnx"]["sha256"],
        licence=entry["licence"],
        training=f"`{told['command']}`: {told['faces']:,} faces of CelebA's `train`, {told['epochs']} epochs, seed "
        f"{told['seed']}, PyTorch {told['torch']}, {told['date']}; {told['calibrated_on']:,} others to calibrate.",
        faces=f"{scores['faces']:,}",
        summary=summary_table(scores),
        majority=f"{majority:.1%}".removesuffix("%"),
        traits=traits_table(scores["traits"]),
    )


def summary_table(scores: dict[str, Any]) -> str:
    groups = scores["groups"]
    heads = ["mean of 40, %", "everybody", *(f"{name} ({one['n']:,})" for name, one in groups.items())]
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * (1 + len(groups))]
    for measure, title in MEASURES.items():
        cells = [scores[measure], *(one[measure] for one in groups.values())]
        lines.append(f"| {title} | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)


def traits_table(traits: dict[str, dict[str, Any]]) -> str:
    lines = ["| trait | has it | accuracy | balanced | women | men |", "| --- |" + " --- |" * 5]
    for name, one in sorted(traits.items()):
        cells = [one["share"], one["accuracy"], one["balanced_accuracy"]]
        cells += [one[gender]["accuracy"] for gender in ("female", "male")]
        lines.append(f"| `{name}` | {' | '.join(f'{100 * cell:.1f}' for cell in cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
