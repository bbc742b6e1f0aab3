"""A chip's traits: how small its face was, and whether it has colour."""

import numpy as np

from cv.engine.traits import measure_traits


def test_faces_are_smaller_the_more_a_chip_enlarges_them() -> None:
    chips = np.zeros((4, 16, 16, 3), dtype=np.uint8)

    small = measure_traits(chips, [2.0, 1.0, 0.25, 1e-9])[:, 0]

    assert small.tolist() == [0, 0, 2, 3]


def test_a_chip_without_colour_is_grey_even_with_the_traces_of_compression() -> None:
    random = np.random.default_rng(0)
    grey = np.repeat(random.integers(0, 250, (16, 16, 1), dtype=np.uint8), 3, axis=2)
    traces = grey + random.integers(0, 3, (16, 16, 3), dtype=np.uint8)
    coloured = grey // 2 + np.array([40, 0, 0], dtype=np.uint8)

    assert measure_traits(np.stack([grey, traces, coloured]), [1.0] * 3)[:, 1].tolist() == [1, 1, 0]
