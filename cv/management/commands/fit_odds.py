"""Fits the thresholds and probabilities of comparisons to the operator's own pictures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cv.engine.errors import EngineError, ModelNotReady
from cv.engine.outputs import EMBEDDING
from cv.engine.types import AnalysisOptions, Vector
from cv.identity.errors import IdentityOff
from cv.identity.fitting import TooFewPictures, fit_odds
from cv.identity.odds import identity_model
from cv.management.refusals import write_whole
from cv.serving.engines import served_engine

# The most pictures: they give eight million pairs, half a gigabyte.
MOST_PICTURES = 4000


class Command(BaseCommand):
    help = (
        "Fits the thresholds and probabilities of comparisons to your own pictures: FOLDER has one folder of pictures "
        "for each person. Restart the server afterwards. Nothing about a face is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="one folder of pictures for each person")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder")
        try:
            model = identity_model().card.sha256
        except (IdentityOff, ModelNotReady) as error:
            raise CommandError(str(error)) from None
        files = [
            (person.name, file) for person in sorted(folder.iterdir()) if person.is_dir() for file in _files(person)
        ]
        if len(files) > MOST_PICTURES:
            raise CommandError(f"{len(files)} pictures; the most are {MOST_PICTURES}")
        vectors, people = [], []
        for person, file in files:
            vector = self.vector(file)
            if vector is not None:
                vectors.append(vector)
                people.append(person)
        try:
            fitted = fit_odds(np.array(vectors).reshape(len(vectors), -1), np.array(people))
        except TooFewPictures as error:
            raise CommandError(str(error)) from None
        written = {
            "model": model,
            "thresholds": {f"{rate:g}": round(cosine, 4) for rate, cosine in fitted.odds.thresholds.items()},
            "curve": [round(number, 4) for number in fitted.odds.curve],
            "measured_rates": list(fitted.measured),
            "pairs": {"genuine": fitted.genuine, "impostor": fitted.impostor},
            "calibration_error": round(fitted.calibration_error, 4),
        }
        target: Path = settings.XCLOUD_IDENTITY_ODDS
        write_whole(target, json.dumps(written, indent=1) + "\n")
        self.stdout.write(json.dumps(written))

    def vector(self, file: Path) -> tuple[float, ...] | None:
        """Of the largest face; None if there is none or the file is no picture."""
        asked = AnalysisOptions(attributes=frozenset({EMBEDDING.name}), max_faces=1)
        try:
            faces = served_engine().analyze(file.read_bytes(), asked).faces
        except (EngineError, OSError) as error:
            self.stderr.write(f"left out: {error}")
            return None
        answer = faces[0].attributes[EMBEDDING.name] if faces else None
        return answer.values if isinstance(answer, Vector) else None


def _files(person: Path) -> list[Path]:
    return sorted(file for file in person.iterdir() if file.is_file() and not file.name.startswith("."))
