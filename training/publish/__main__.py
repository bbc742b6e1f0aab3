"""Publishes what a research recipe trained: ``python -m training.publish --recipe transfbp --out models/transfbp``.

The folder has the net, its entry for the service and a card; ``XCLOUD_MODELS=models/transfbp`` serves it.
"""

import argparse
import sys
from pathlib import Path

from training.publish.of_recipe import PRODUCTS, publish
from training.recipes import find_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help=f"one of {', '.join(PRODUCTS)}")
    parser.add_argument("--run", type=Path, help="folder of the run; default runs/RECIPE")
    parser.add_argument("--out", type=Path, required=True, help="folder of the published model")
    parser.add_argument("--version", default="1.0.0")
    arguments = parser.parse_args()
    try:
        study = find_study(arguments.recipe)
    except ValueError as error:
        sys.exit(str(error))
    publish(study, arguments.run or Path("runs") / study.name, arguments.out, arguments.version)
    print(f"XCLOUD_MODELS={arguments.out} serves it")


if __name__ == "__main__":
    main()
