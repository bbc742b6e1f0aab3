"""Which served traits differ most between groups: ``python -m training.measure.groups --data cjk.parquet --by nation``.

It prints a table of the traits whose shares lie furthest apart, with 95 % intervals over resampled people; with
``--docs DIR`` it writes the same into the page ``DIR/research.md``, between the comments ``traits of NAME``.
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cv.engine.config import EngineConfig
from cv.engine.labels import FACE_TRAITS
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine
from training.data.labels import Row
from training.data.tables import list_columns, rows
from training.measure.pages import replace_section
from training.measure.traits import largest_faces, read_shares

TRAITS: Final = "traits"
_ROUNDS: Final = 2000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """A trait's share in each group, in the groups' order, with the ends of its interval ``(groups, 3)``; and by how
    much the groups that lie furthest apart differ, ``(3,)``. All in [-1, 1]."""

    trait: str
    shares: Floats
    between: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="table of photos")
    parser.add_argument("--by", required=True, help="the column of the groups")
    parser.add_argument("--person", default="person", help="the column that says who is in a photo")
    parser.add_argument("--most", type=int, default=8, help="as many traits")
    parser.add_argument("--docs", type=Path, help="write the page research.md of this folder, too")
    arguments = parser.parse_args()
    lacking = {arguments.by, arguments.person} - set(list_columns(arguments.data))
    if lacking:
        sys.exit(f"{arguments.data.name} lacks the columns {', '.join(sorted(lacking))}")
    engine = get_engine(EngineConfig(threads=1))
    shares, groups, people = see_traits(engine, rows(arguments.data, None), arguments.by, arguments.person)
    names = sorted(set(groups))
    found = compare_groups(shares, np.array([names.index(group) for group in groups]), np.array(people))
    table = write_table(names, found[: arguments.most])
    print(f"{len(shares)} photos of {len(set(people))} people\n{table}")
    if arguments.docs:
        replace_section(arguments.docs / "research.md", f"{TRAITS} of {arguments.data.stem}", table + "\n")


def see_traits(
    engine: Engine, numbered: Iterable[tuple[int, Row]], by: str, person: str
) -> tuple[Floats, list[str], list[str]]:
    """The shares of each photo's largest face ``(N, traits)``, its group and who it is; photos without one are left
    out."""
    shares, groups, people = [], [], []
    for row, face in largest_faces(engine, numbered, TRAITS):
        shares.append(read_shares(face, TRAITS))
        groups.append(str(row[by]))
        people.append(str(row[person]))
    return np.array(shares), groups, people


def compare_groups(shares: Floats, groups: npt.NDArray[np.int64], people: npt.NDArray[np.str_]) -> list[Difference]:
    """The traits, those that differ most first. A person counts once, as the mean of their photos, because photos of
    one person are alike; the intervals are over resampled people of each group."""
    dice = np.random.default_rng(0)
    means, drawn = [], []
    for group in range(int(groups.max()) + 1):
        own = [shares[(people == person) & (groups == group)] for person in np.unique(people[groups == group])]
        of_people = np.array([photos.mean(axis=0) for photos in own])
        means.append(of_people.mean(axis=0))
        picked = dice.integers(0, len(of_people), (_ROUNDS, len(of_people)))
        drawn.append(np.array([of_people[row].mean(axis=0) for row in picked]))
    found = []
    for i, trait in enumerate(FACE_TRAITS):
        own_means = np.array([mean[i] for mean in means])
        most, least = int(own_means.argmax()), int(own_means.argmin())
        each = np.array([(mean, *_interval(again[:, i])) for mean, again in zip(own_means, drawn, strict=True)])
        apart = own_means[most] - own_means[least]
        found.append(Difference(trait, each, np.array([apart, *_interval(drawn[most][:, i] - drawn[least][:, i])])))
    return sorted(found, key=lambda difference: -difference.between[0])


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def write_table(groups: list[str], found: list[Difference]) -> str:
    """The differences as Markdown, in percent."""
    lines = [["trait", *(f"{group}, %" for group in groups), "furthest apart, points"], ["---"] * (len(groups) + 2)]
    lines += [
        [difference.trait, *map(_write, difference.shares), f"**{_write(difference.between)}**"] for difference in found
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _write(values: Floats) -> str:
    mean, low, high = (100 * value for value in values)
    return f"{mean:.0f} [{low:.0f}, {high:.0f}]"


if __name__ == "__main__":
    main()
