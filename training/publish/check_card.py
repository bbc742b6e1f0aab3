"""Writes the card of the face check, measured with the served pipeline: ``python -m training.publish.check_card``.

``--data DIR`` is the folder of the labelled tables, ``--stamps DIR`` that of Tux Paint's stamps, photos of animals and
drawings (Debian: tuxpaint-stamps-default, /usr/share/tuxpaint/stamps). Only ``check_card_template.md`` is written by
hand.
"""

import argparse
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any, Final

import numpy as np
import skimage.data
from PIL import Image, ImageFilter, ImageOps

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from cv.engine.fields import MANIFEST
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, FaceResult
from training.check import BACKGROUNDS
from training.data.tables import rows
from training.measure.detection import score_detection

TEMPLATE: Final = Path(__file__).with_name("check_card_template.md")
CARD: Final = Path(__file__).resolve().parents[2] / "docs" / "model_cards" / "xcloud-face-check.md"
PHOTOS: Final = 40
OPTIONS: Final = AnalysisOptions(attributes=frozenset(), min_face_px=20)
# How each photo is changed, and the roll that its face then has.
Change = Callable[[Image.Image], Image.Image]
TURNS: Final[dict[str, tuple[Change, float]]] = {
    "upright": (lambda image: image, 0),
    "a quarter turn clockwise": (lambda image: image.transpose(Image.Transpose.ROTATE_270), 90),
    "upside down": (lambda image: image.transpose(Image.Transpose.ROTATE_180), 180),
    "a quarter turn anticlockwise": (lambda image: image.transpose(Image.Transpose.ROTATE_90), -90),
}
BLURS: Final = (0.02, 0.04, 0.06)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--stamps", type=Path, required=True, help="folder of Tux Paint's stamps")
    arguments = parser.parse_args()
    engine = get_engine(EngineConfig())
    entry = json.loads((WEIGHTS_DIR / MANIFEST).read_text(encoding="utf-8"))["check"]
    portraits = [_image(row["image"]) for _, row in rows(arguments.data / "utkface.parquet", "val", PHOTOS)]
    masked = [_without_person(row) for _, row in rows(arguments.data / "portraits.parquet", "val", PHOTOS)]
    CARD.parent.mkdir(parents=True, exist_ok=True)
    CARD.write_text(
        Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            version=entry["version"],
            architecture=entry["architecture"],
            licence=entry["licence"],
            side=entry["crop"]["size"],
            margin=f"{entry['crop']['margin']:.0%}",
            sha256=entry["onnx"]["sha256"],
            trained_on=", ".join(entry["trained_on"]),
            training=_training(entry["training"]),
            threshold=entry["threshold"],
            detection=_detection_table(engine, arguments.data / "fddb.parquet", entry["metrics"]),
            turned=_turned_table(engine, portraits),
            blurred=_blurred_table(engine, portraits),
            empty=_empty_table(engine, {"photos with the person painted over": masked, **_pictures(arguments.stamps)}),
            photos=PHOTOS,
        ),
        encoding="utf-8",
    )


def _training(told: dict[str, Any]) -> str:
    text = (
        f"`{told['command']}`, {told['steps']} steps, {told['faces']:,} faces and {told['mistakes']:,} mistakes, seed "
        f"{told['seed']}, PyTorch {told['torch']}, {told['date']}"
    )
    return text + (f". {told['note']}" if told.get("note") else "")


def _detection_table(engine: Engine, table: Path, cross_validated: dict[str, float]) -> str:
    lines = {
        "without the check": score_detection(replace(engine, check=None), rows(table, "val")),
        "with it": score_detection(engine, rows(table, "val")),
        "with it, five folds": {name.removeprefix("fddb."): value for name, value in cross_validated.items()},
    }
    measures = ("recall", "ap", "false_faces", "confidence_ece")
    return _table(
        ["", "faces found", "average precision", "false faces among the answers", "calibration error of `confidence`"],
        [[name, *(f"{scores[measure]:.1%}" for measure in measures)] for name, scores in lines.items()],
    )


def _turned_table(engine: Engine, portraits: list[Image.Image]) -> str:
    lines = []
    for name, (change, roll) in TURNS.items():
        found = [next(iter(_faces(engine, change(image))), None) for image in portraits]
        off = [abs((face.landmarks.roll - roll + 180) % 360 - 180) for face in found if face]
        right, wrong = sum(value < 45 for value in off), sum(value >= 45 for value in off)
        lines.append([name, *(f"{count / len(found):.0%}" for count in (right, wrong, len(found) - len(off)))])
    return _table(["photos", "found, the right way up", "read another way up", "no face found"], lines)


def _blurred_table(engine: Engine, portraits: list[Image.Image]) -> str:
    plain = replace(engine, check=None)
    lines = []
    for share in BLURS:
        blurred = [image.filter(ImageFilter.GaussianBlur(share * min(image.size))) for image in portraits]
        shares = [sum(bool(_faces(e, image)) for image in blurred) / len(blurred) for e in (plain, engine)]
        lines.append([f"{share:.0%} of the side", *(f"{found:.0%}" for found in shares)])
    return _table(["blurred by", "found by the cascade", "left by the check"], lines)


def _empty_table(engine: Engine, groups: dict[str, list[Image.Image]]) -> str:
    plain = replace(engine, check=None)
    lines = []
    for name, images in groups.items():
        counts = [sum(len(_faces(e, image)) for image in images) for e in (plain, engine)]
        lines.append([name, str(len(images)), *map(str, counts)])
    return _table(["pictures", "number", "faces without the check", "with it"], lines)


def _pictures(stamps: Path) -> dict[str, list[Image.Image]]:
    """Pictures without a living person."""
    portrait = Image.fromarray(skimage.data.astronaut())  # type: ignore[no-untyped-call]
    drawn = ImageOps.invert(portrait.convert("L").filter(ImageFilter.FIND_EDGES)).convert("RGB")
    stone = ImageOps.colorize(portrait.convert("L").filter(ImageFilter.GaussianBlur(1.5)), "#302e2a", "#e8e4da")
    return {
        "pictures without people (scikit-image)": [
            Image.fromarray(np.asarray(getattr(skimage.data, name)(), np.uint8)).convert("RGB") for name in BACKGROUNDS
        ],
        "mammals (Tux Paint's stamps)": _stamps(stamps / "animals" / "mammals"),
        "other animals": [
            image for name in ("birds", "fish", "insects", "marsupials") for image in _stamps(stamps / "animals" / name)
        ],
        "drawn faces, people and statues": [
            image
            for name in ("symbols/faces", "people", "town/cartoon", "town/monuments")
            for image in _stamps(stamps / name)
        ],
        "the edges of a portrait, as a pencil draws": [drawn],
        "a portrait in the colours of stone": [stone],
    }


def _stamps(folder: Path) -> list[Image.Image]:
    """The stamps of a folder on white."""
    images = [Image.open(path).convert("RGBA") for path in sorted(folder.rglob("*.png"))]
    return [Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB") for image in images]


def _without_person(row: dict[str, Any]) -> Image.Image:
    """The photo with the person painted over in the background's mean colour."""
    image, mask = _image(row["image"]), Image.open(io.BytesIO(row["mask"])).convert("L")
    person = np.asarray(mask.resize(image.size)) > 0
    pixels = np.array(image)
    pixels[person] = pixels[~person].mean(axis=0) if (~person).any() else 127
    return Image.fromarray(pixels)


def _faces(engine: Engine, image: Image.Image) -> tuple[FaceResult, ...]:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return engine.analyze(file.getvalue(), OPTIONS).faces


def _image(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _table(header: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines])


if __name__ == "__main__":
    main()
