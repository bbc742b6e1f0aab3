"""The notebook of a model of one's own runs from photos to the API's answers, and shows only what everybody may see."""

import json
import re
from pathlib import Path

import pytest

from tests.notebook import run_notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs/notebooks/own_model.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_a_dozen_photos_become_an_answer_of_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_MODEL_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("OWN_MODEL_PHOTOS", "6")
    monkeypatch.chdir(NOTEBOOK.parent)

    *_, last = [cell for cell in run_notebook(NOTEBOOK)["cells"] if cell["cell_type"] == "code"]

    (output,) = last["outputs"]
    assert re.search(r"^2 of 2 right$", "".join(output["text"]), re.MULTILINE)


def test_the_kept_outputs_are_text_without_a_path_of_a_machine() -> None:
    outputs = [output for cell in CELLS for output in cell.get("outputs", ())]

    assert outputs
    assert {output["output_type"] for output in outputs} == {"stream"}
    printed = "".join(line for output in outputs for line in output["text"])
    assert not re.search(r"(^|\s)/\w", printed)


def test_the_links_of_the_text_lead_somewhere() -> None:
    text = "".join(line for cell in CELLS if cell["cell_type"] == "markdown" for line in cell["source"])

    targets = re.findall(r"\]\(([^)#\s]+)", text)
    assert targets
    assert all((NOTEBOOK.parent / target).exists() for target in targets)
