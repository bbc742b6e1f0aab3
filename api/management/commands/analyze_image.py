"""Runs the engine on image files, without the server and without storing anything."""

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from api.exceptions import described
from api.serializers import ResultSerializer
from cv.abstention import abstains
from cv.engine.errors import EngineError, ImageTooLarge
from cv.engine.outputs import DEFAULT_OUTPUTS, get_output
from cv.engine.types import AnalysisOptions, AnalysisResult, Answer, Category, Estimate, FaceResult
from cv.serving.engines import served_engine
from cv.serving.outputs import served_outputs
from cv.wording import say


class Command(BaseCommand):
    help = "Analyzes image files and prints one result per file; with --json one line each, in the API's format."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--json", action="store_true", dest="as_json")
        parser.add_argument(
            "--attributes", nargs="+", choices=sorted(served_outputs()), metavar="ATTRIBUTE",
            default=served_outputs().intersection(DEFAULT_OUTPUTS),
            help=f"which attributes to estimate, of {', '.join(sorted(served_outputs()))}",
        )  # fmt: skip
        parser.add_argument("--min-face-px", type=int, default=AnalysisOptions().min_face_px)

    def handle(
        self, *args: Any, files: list[Path], as_json: bool, attributes: list[str], min_face_px: int, **options: Any
    ) -> None:
        failed = False
        for file in files:
            try:
                result = self._analyze(file, frozenset(attributes), min_face_px)
            except (OSError, EngineError) as error:
                failed = True
                self._print_error(file, error, as_json)
            else:
                self._print_result(file, result, as_json)
        if failed:
            sys.exit(1)

    def _analyze(self, file: Path, attributes: frozenset[str], min_face_px: int) -> AnalysisResult:
        limit = settings.XCLOUD_ENGINE.limits.max_bytes
        if file.stat().st_size > limit:
            raise ImageTooLarge(f"the file has {file.stat().st_size:,} bytes; the limit is {limit:,}")
        return served_engine().analyze(file.read_bytes(), AnalysisOptions(attributes, min_face_px))

    def _print_error(self, file: Path, error: OSError | EngineError, as_json: bool) -> None:
        if isinstance(error, EngineError):
            code, message, _ = described(error)
        else:
            code, message = "invalid_request", f"file: {error.strerror or error}"
        if as_json:
            self.stdout.write(json.dumps({"file": str(file), "error": {"code": code, "message": message}}))
        else:
            self.stderr.write(f"{file}: {message} ({code})")

    def _print_result(self, file: Path, result: AnalysisResult, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"file": str(file), **ResultSerializer(result).data}))
            return
        size, total = result.image, result.timing_ms.total
        self.stdout.write(f"{file}: {size.width} × {size.height}, faces: {len(result.faces)}, {total:.0f} ms")
        for face in result.faces:
            self.stdout.write(f"  {_described(face)}")


def _described(face: FaceResult) -> str:
    box = face.box
    words = [f"#{face.index}", f"{box.width:.0f}×{box.height:.0f} at ({box.x:.0f}, {box.y:.0f})"]
    for name, answer in face.attributes.items():
        unsure = abstains(name, answer, face.quality.score)
        words.append(f"{_answer(name, answer)}{' (unsure)' if unsure else ''}")
    words += [f"quality {face.quality.score:.2f}", *face.quality.warnings]
    return "  ".join(words)


def _answer(name: str, answer: Answer) -> str:
    match answer:
        case Category(label, probabilities):
            return f"{label} {probabilities[label]:.0%}"
        case Estimate(value, interval=(low, high)):
            return f"{name} {value:.1f} ({low:.1f}–{high:.1f})"
        case _:
            return f"{name} {say(answer, get_output(name))}"
