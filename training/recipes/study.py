"""A research recipe: the trainings that a paper's table compares, each of one variant on one set, fold and seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from training.data.features import Features, load_features


@dataclass(frozen=True, slots=True)
class Case:
    """One training: ``table`` is the set that it is scored on, ``fold`` the part that is left out of the training; None
    for the set's own split into ``train`` and ``val``."""

    variant: str
    table: str
    fold: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """A file's name for it."""
        fold = "" if self.fold is None else f"-fold{self.fold}"
        return f"{self.table}-{self.variant}{fold}-seed{self.seed}".replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Trial:
    """A case with all that its training needs.

    data: the folder of the tables; features: where ``load_features`` keeps its files; checkpoint: where an unfinished
    training is kept after each epoch; epochs: as many instead of the recipe's own, for a short try.
    """

    case: Case
    data: Path
    features: Path
    checkpoint: Path
    epochs: int | None = None

    @property
    def table(self) -> Path:
        """The case's set."""
        return self.data / f"{self.case.table}.parquet"

    def load(
        self,
        split: str | None = None,
        limit: int | None = None,
        only: tuple[str, frozenset[str]] | None = None,
    ) -> Features:
        """What the frozen nets see in the faces of the case's set; the arguments are ``load_features``'s."""
        return load_features(self.table, self.features, split, limit, only)


@dataclass(frozen=True, slots=True)
class Outcome:
    """scores: each measure by name, of faces that the training did not see. weights: of what was trained, if it can be
    published. about: numbers and texts for the page."""

    scores: Mapping[str, float]
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """A paper's table.

    paper: authors, title and year. labels: the columns that the sets of its cases must have. run: trains and scores one
    case. others: sets that are only learned from. source: how its sets come about, if no public snapshot has them.
    """

    name: str
    paper: str
    labels: tuple[str, ...]
    cases: tuple[Case, ...]
    run: Callable[[Trial], Outcome]
    others: tuple[str, ...] = ()
    source: str = ""

    @property
    def sets(self) -> tuple[str, ...]:
        """The tables of its cases, and the others."""
        return tuple(dict.fromkeys([*(case.table for case in self.cases), *self.others]))

    def choose(
        self,
        **wanted: str | int | None,
    ) -> tuple[Case, ...]:
        """The cases with these values of ``set``, ``variant``, ``fold`` and ``seed``.

        Raises ValueError, which lists the values that there are, if there is no such case.
        """
        chosen = self.cases
        for what, value in wanted.items():
            if value is None:
                continue
            values = [case.table if what == "set" else getattr(case, what) for case in chosen]
            if value not in values:
                there = ", ".join(str(there) for there in dict.fromkeys(values) if there is not None) or "none"
                raise ValueError(f"the recipe {self.name} has no {what} {value!r} here; there are: {there}")
            chosen = tuple(case for case, own in zip(chosen, values, strict=True) if own == value)
        return chosen
