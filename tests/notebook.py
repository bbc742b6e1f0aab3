"""Runs a notebook without Jupyter: ``python -m tests.notebook FILE.ipynb``; ``--save`` keeps what the cells print."""

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import Any


def run_notebook(file: Path) -> dict[str, Any]:
    """Executes the code cells in their order, in one namespace, and returns the notebook with what they printed."""
    notebook: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    for count, cell in enumerate(code, start=1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), f"{file.name}, cell {count}", "exec"), namespace)  # noqa: S102
        stream = {"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)}
        cell.update(execution_count=count, outputs=[stream] if stream["text"] else [])
    return notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--save", action="store_true", help="write what the cells printed into the file")
    arguments = parser.parse_args()
    notebook = run_notebook(arguments.file)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            print("".join(output["text"]), end="")
    if arguments.save:
        arguments.file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
