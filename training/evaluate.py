"""Scores the served pipeline on labelled pictures and prints one JSON object.

``python -m training.evaluate --data FILE.parquet [--limit N] [--split SPLIT] --json``, or ``--data FOLDER`` with your
own pictures and a ``labels.csv`` (columns file and any of age, gender, race, expression, beauty).
"""

import argparse
import json
import sys
from pathlib import Path

from cv.engine.config import Pack
from cv.engine.errors import ModelNotReady


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="table with a column image, or folder with a labels.csv"
    )
    parser.add_argument("--limit", type=_positive, help="a sample of N rows, always the same ones")
    parser.add_argument("--split", help="rows of this split; default val if the table has one, else every row")
    parser.add_argument(
        "--pack", type=Pack, choices=list(Pack), help="which weights to score; default those of XCLOUD_WEIGHTS"
    )
    parser.add_argument("--threads", type=_positive, default=2)
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    try:
        # Imported here, so that a missing package gives the message below.
        from cv.engine.config import EngineConfig
        from cv.engine.runtime import get_engine
        from training.measure.evaluation import evaluate, served_weights

        weights = arguments.pack.folder() if arguments.pack else served_weights()
        engine = get_engine(EngineConfig(weights, threads=arguments.threads, identity=True))
        result = evaluate(engine, arguments.data, arguments.split, arguments.limit)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        sys.exit(f"training.evaluate needs the package {package}: pip install -r requirements-dev.txt")
    except ModelNotReady as error:
        sys.exit(str(error))
    except (OSError, ValueError) as error:
        sys.exit(f"{arguments.data}: {error}")
    for column, unknown in result["unknown_labels"].items():
        for label, count in unknown.items():
            print(f"{column} {label!r} is no label of the service: {count} rows count as without one", file=sys.stderr)
    print(json.dumps(result, indent=None if arguments.json else 1))


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


if __name__ == "__main__":
    main()
