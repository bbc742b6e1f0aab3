"""A small labelled table made of the public-domain portraits."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def table(tmp_path: Path, astronaut: bytes, grace_hopper: bytes, empty_scene: bytes) -> Path:
    """Two portraits, a picture without a face, a broken file and no file; the third row is of ``train``."""
    rows = [
        {"image": astronaut, "age": 36, "gender": "female", "race": "white", "split": "val"},
        {"image": grace_hopper, "age": 77, "gender": "female", "race": "white", "split": "val"},
        {"image": astronaut, "age": 36, "gender": "female", "race": "white", "split": "train"},
        {"image": empty_scene, "age": 20, "gender": "male", "race": "hispanic", "split": "val"},
        {"image": b"broken", "age": 1, "gender": "male", "race": "white", "split": "val"},
        {"image": None, "age": 2, "gender": "male", "race": "white", "split": "val"},
    ]
    path = tmp_path / "faces.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path
