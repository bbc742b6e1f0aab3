"""The images that a command names on this machine: folders, files, and patterns of both."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from uuid import UUID

from cv.choices import JobSource
from cv.jobs.inputs import NewItem, file_item, images_below


@dataclass(frozen=True, slots=True)
class LocalInputs:
    """Only the command that named them processes the job.

    A folder stands for the images below it; a file that is named is always taken. ``skip`` has patterns of
    paths below the folder, or of the names of files and folders.
    """

    named: Path | Sequence[Path]
    skip: Sequence[str] = ()
    source: JobSource = JobSource.LOCAL

    def items(self, job_id: UUID) -> Iterator[NewItem]:
        if isinstance(self.named, Path):
            root = self.named.resolve()
            yield from (file_item(file, below) for file, below in _below(root, self.skip))
            return
        seen: set[Path] = set()
        for path in self.named:
            found = _below(path.resolve(), self.skip) if path.is_dir() else _alone(path, self.skip)
            for file, below in found:
                if file not in seen:
                    seen.add(file)
                    yield file_item(file, (path / below).as_posix() if path.is_dir() else path.as_posix())


def expanded(word: str) -> list[Path]:
    """A path as it is, or the matches of a pattern such as ``photos/**/*.jpg``, in order."""
    if glob.has_magic(word) and not Path(word).exists():
        return [Path(found) for found in sorted(glob.glob(word, recursive=True))]  # noqa: PTH207 -- absolute, too
    return [Path(word)]


def _below(root: Path, skip: Sequence[str]) -> Iterator[tuple[Path, str]]:
    for file in images_below(root):
        below = file.relative_to(root).as_posix()
        if not _is_skipped(below, skip):
            yield file, below


def _alone(file: Path, skip: Sequence[str]) -> Iterator[tuple[Path, str]]:
    if not _is_skipped(file.as_posix(), skip):
        yield file.absolute(), file.name


def _is_skipped(below: str, skip: Sequence[str]) -> bool:
    parts = PurePosixPath(below).parts
    return any(fnmatchcase(below, pattern) or any(fnmatchcase(part, pattern) for part in parts) for pattern in skip)
