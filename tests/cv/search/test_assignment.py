"""The assignment is as good as SciPy's."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from cv.search.assignment import assign


def test_the_sum_is_as_large_as_scipys_and_nothing_is_given_twice() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        shape = tuple(random.integers(1, 9, 2))
        gains = random.random(shape) * (random.random(shape) < random.choice([0.2, 0.5, 1.0]))
        pairs = assign(gains)
        assert len(set(pairs.values())) == len(pairs)
        assert all(gains[pair] > 0 for pair in pairs.items())
        rows, columns = linear_sum_assignment(-gains)
        assert np.isclose(sum(gains[pair] for pair in pairs.items()), gains[rows, columns].sum())


def test_nobody_to_assign_is_no_error() -> None:
    assert assign(np.zeros((3, 0))) == {}
    assert assign(np.zeros((2, 2))) == {}
