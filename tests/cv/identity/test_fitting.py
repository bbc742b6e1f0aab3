"""Thresholds and odds fitted to vectors of known people."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cv.engine.config import Pack
from cv.engine.types import Vector
from cv.identity import odds
from cv.identity.fitting import TooFewPictures, calibration_error, fit_curve, fit_odds
from cv.management.commands import fit_odds as command
from tests.factories import analysis_result, face_result


def made_people(people: int = 120, pictures: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around a centre for each person, of length 1, and the people's names."""
    random = np.random.default_rng(5)
    centres = random.normal(size=(people, 1, 32))
    vectors = (centres + 0.6 * random.normal(size=(people, pictures, 32))).reshape(-1, 32)
    names = np.repeat([f"p{i}" for i in range(people)], pictures)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), names


def test_a_threshold_lets_through_the_rate_that_names_it() -> None:
    vectors, names = made_people()
    fitted = fit_odds(vectors, names)

    upper = np.triu_indices(len(vectors), 1)
    impostors = (vectors @ vectors.T)[upper][(names[:, None] != names)[upper]]
    assert (fitted.genuine, fitted.impostor) == (720, 114_240)
    assert fitted.measured == (1e-3, 1e-4)
    for rate in fitted.measured:
        assert (impostors > fitted.odds.thresholds[rate]).sum() == int(rate * len(impostors))
    steps = np.diff([fitted.odds.thresholds[rate] for rate in (1e-3, 1e-4, 1e-5, 1e-6)])
    np.testing.assert_allclose(steps, steps[0])
    assert fitted.calibration_error < 0.02


def test_a_curve_is_found_again_from_labels_drawn_by_it() -> None:
    random = np.random.default_rng(7)
    cosines = random.uniform(-0.2, 1, 200_000)
    same = random.random(200_000) < 1 / (1 + np.exp(-(-4 + 2 * cosines + 20 * cosines**2)))
    constant, slope, square = fit_curve(cosines, same)
    shift = np.log(same.mean() / (1 - same.mean()))

    assert (slope, square) == (pytest.approx(2, abs=0.6), pytest.approx(20, abs=1))
    assert constant + shift == pytest.approx(-4, abs=0.15)


def test_calibration_error_is_the_gap_at_equal_priors() -> None:
    same = np.array([True, False, False, False])
    assert calibration_error(np.array([1.0, 0.0, 0.0, 0.0]), same) == 0
    assert calibration_error(np.array([0.8, 0.2, 0.2, 0.2]), same) == pytest.approx(0.2)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(TooFewPictures, match="60 pairs of one person and 720 of two people; it takes 100 and 100000"):
        fit_odds(*made_people(people=10))


@pytest.fixture
def served(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server with identity on, whose engine reads a vector out of each file; returns the file of the odds."""
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True)
    settings.XCLOUD_IDENTITY_ODDS = tmp_path / "odds.json"

    def analyze(data: bytes, options: Any) -> Any:
        found = json.loads(data)
        return analysis_result(*([face_result(attributes={"embedding": Vector(tuple(found))})] if found else []))

    monkeypatch.setattr(command, "served_engine", lambda: SimpleNamespace(analyze=analyze))
    return tmp_path / "odds.json"


def test_the_command_writes_odds_that_the_server_then_uses(served: Path, tmp_path: Path) -> None:
    for i, (vector, name) in enumerate(zip(*made_people(), strict=True)):
        (tmp_path / "faces" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "faces" / name / f"{i}.jpg").write_text(json.dumps(vector.tolist()))
    (tmp_path / "faces" / "p0" / "without a face.jpg").write_text("[]")

    call_command("fit_odds", tmp_path / "faces")

    written = json.loads(served.read_text())
    assert written["model"] == odds.identity_model().card.sha256
    assert written["pairs"] == {"genuine": 720, "impostor": 114_240}
    assert odds.served_odds().threshold(1e-3) == written["thresholds"]["0.001"]


def test_the_command_needs_identity_and_a_folder(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="has not turned identity on"):
        call_command("fit_odds", tmp_path)
    with pytest.raises(CommandError, match="is no folder"):
        call_command("fit_odds", tmp_path / "nowhere")


def test_the_command_needs_weights_with_a_model_for_identity(settings: Settings, tmp_path: Path) -> None:
    settings.XCLOUD_IDENTITY = True
    settings.XCLOUD_ENGINE = replace(settings.XCLOUD_ENGINE, identity=True, weights_dir=Pack.OPEN.folder())
    with pytest.raises(CommandError, match=r"^no model in service gives embedding$"):
        call_command("fit_odds", tmp_path)
