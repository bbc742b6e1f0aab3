"""A job's results as a pandas table; needs ``pip install xcloud-client[pandas]``."""

import io
from typing import Any, Final

ABSTAINED: Final = "_abstained"


def frame_of(parquet: bytes, guesses: bool = False) -> Any:
    """A ``pandas.DataFrame`` with a face per row, as docs/api.md describes.

    Where an answer abstained, its label or value and its interval are missing, unless ``guesses`` asks for them. The
    columns ``…_abstained`` and the probabilities stay.
    """
    import pyarrow.parquet as pq

    frame = pq.read_table(io.BytesIO(parquet)).to_pandas()
    if not guesses:
        for flag in [column for column in frame.columns if column.endswith(ABSTAINED)]:
            name = flag.removesuffix(ABSTAINED)
            hidden = [column for column in (name, f"{name}_low", f"{name}_high") if column in frame.columns]
            frame[hidden] = frame[hidden].mask(frame[flag].eq(True))
    return frame
