"""Trains the cases of a research recipe, one after the other; each that is finished leaves a file in the run's folder.

``CASE.json`` has scores, times and versions, ``CASE.safetensors`` the weights if the recipe keeps any. A run that was
killed goes on with the first case without a file, and a case that trains in epochs behind its last whole one.
"""

import datetime
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from training.data.tables import list_columns
from training.recipes.study import Case, Study, Trial

Result = dict[str, Any]


def check_tables(study: Study, cases: Sequence[Case], data: Path) -> None:
    """Raises SystemExit if a set is missing, with the command that brings it, or if it lacks labels."""
    scored = dict.fromkeys(case.table for case in cases)
    needed = {name: data / f"{name}.parquet" for name in (*scored, *study.others)}
    missing = [name for name, table in needed.items() if not table.exists()]
    if missing:
        source = study.source or (
            "From snapshots of the public repositories this builds it: "
            f"build_data.py --mirror SNAPSHOTS --out {data} {' '.join(missing)}"
        )
        raise SystemExit(
            f"the recipe {study.name} needs {', '.join(f'{name}.parquet' for name in missing)}, which {data} does not "
            f"have. {source}"
        )
    for name, table in needed.items():
        columns = list_columns(table)
        labels = ("image", *study.labels) if name in scored else ("image",)
        lacking = [label for label in labels if label not in columns]
        if lacking:
            raise SystemExit(
                f"{name}.parquet lacks the columns {', '.join(lacking)} that the recipe {study.name} needs; "
                f"it has {', '.join(columns)}"
            )


def run_study(
    study: Study, cases: Sequence[Case], data: Path, features: Path, out: Path, epochs: int | None = None
) -> None:
    """Trains the cases that have no result yet. Raises SystemExit as ``check_tables`` does."""
    check_tables(study, cases, data)
    out.mkdir(parents=True, exist_ok=True)
    for case in cases:
        file = out / f"{case.name}.json"
        # A short try neither stands for a whole training nor replaces it.
        if file.exists() and json.loads(file.read_text())["epochs"] in (None, epochs):
            print(f"{case.name}: is trained already ({file})")
            continue
        checkpoint = out / f"{case.name}.checkpoint"
        torch.manual_seed(case.seed)
        started, cpu = time.monotonic(), time.process_time()
        outcome = study.run(Trial(case, data, features, checkpoint, epochs))
        result: Result = {
            "recipe": study.name,
            "variant": case.variant,
            "set": case.table,
            "fold": case.fold,
            "seed": case.seed,
            "scores": dict(outcome.scores),
            "about": dict(outcome.about),
            "seconds": round(time.monotonic() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "epochs": epochs,
            "torch": torch.__version__,
            "date": datetime.date.today().isoformat(),
        }
        if outcome.weights:
            part = file.with_suffix(".part")
            save_file({name: tensor.contiguous() for name, tensor in outcome.weights.items()}, part)
            part.rename(file.with_suffix(".safetensors"))
        part = file.with_suffix(".part")
        part.write_text(json.dumps(result, indent=1) + "\n")
        part.rename(file)
        checkpoint.unlink(missing_ok=True)
        print(f"{case.name}:", " ".join(f"{name}={value:.4g}" for name, value in outcome.scores.items()), flush=True)


def read_results(out: Path) -> list[Result]:
    """The results in a run's folder, without those of a short try."""
    results = [json.loads(file.read_text()) for file in sorted(out.glob("*.json"))]
    return [result for result in results if result["epochs"] is None]
