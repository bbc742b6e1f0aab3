"""Trains the net of a recipe: ``python -m training.train --recipe identity --data DIR``.

The recipes are in ``training.recipes``, the run itself in ``training.loop``; that of research recipes, whose tables
have several cases, in ``training.study``. ``--set``, ``--variant``, ``--fold`` and ``--seed`` choose among those.
"""

import argparse
import os
import sys
from pathlib import Path

import torch

from cv.engine.config import WEIGHTS_DIR, EngineConfig
from training.data.chips import load_faces
from training.loop import train
from training.recipes import find, list_recipes
from training.recipes.study import Study
from training.study import run_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", required=True, help=f"one of {', '.join(list_recipes())}")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled tables")
    parser.add_argument("--cache", type=Path, default=Path(".cache/chips"))
    parser.add_argument("--features", type=Path, default=Path(".cache/features"), help="of frozen nets, for research")
    parser.add_argument("--set", help="research: train only the cases on this set")
    parser.add_argument("--variant", help="research: train only this variant")
    parser.add_argument("--fold", type=int, help="research: train only this fold")
    parser.add_argument("--seed", type=int, help="research: train only this seed")
    parser.add_argument("--epochs", type=int, help="research: as many instead of the recipe's own, for a short try")
    parser.add_argument("--out", type=Path, help="folder of the run; default runs/RECIPE")
    parser.add_argument("--weights-dir", type=Path, default=WEIGHTS_DIR, help="published weights, to start or teach")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action="store_true", help="compile the net: a minute first, then faster")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU here; use --device cpu")
    torch.set_num_threads(arguments.threads)
    try:
        recipe = find(arguments.recipe)
        out = arguments.out or Path("runs") / recipe.name
        chosen = {what: getattr(arguments, what) for what in ("set", "variant", "fold", "seed")}
        if isinstance(recipe, Study):
            run_study(recipe, recipe.choose(**chosen), arguments.data, arguments.features, out, epochs=arguments.epochs)
            return
    except ValueError as error:
        sys.exit(str(error))
    unused = [f"--{what}" for what, value in (chosen | {"epochs": arguments.epochs}).items() if value is not None]
    if unused:
        sys.exit(f"the recipe {recipe.name} has one net and no {', '.join(unused)}")

    engine = EngineConfig(threads=arguments.threads)
    tables = {name: arguments.data / f"{name}.parquet" for name in recipe.sets}
    missing = [table.name for table in tables.values() if not table.exists()]
    if missing:
        sys.exit(f"the recipe {recipe.name} needs {', '.join(missing)}, which {arguments.data} does not have")
    train_sets, val_sets = (
        {name: load_faces(table, split, engine, arguments.cache, recipe.crop) for name, table in tables.items()}
        for split in ("train", "val")
    )
    train(
        recipe,
        out,
        torch.device(arguments.device),
        train_sets=train_sets,
        val_sets=val_sets,
        weights_dir=arguments.weights_dir,
        compile_net=arguments.compile,
    )


if __name__ == "__main__":
    main()
